"""People, what identifies them, what they allowed, and the trays others fill about them.

Contact          one person. The words on screen are "customer". `email` and `phone` hold what was
                 written, `email_key` and `phone_key` what we match on (lower case; digits with
                 country code). A masked phone or a relay address that changes is never a key.
                 `never_discount`: the owner's word that this person gets no coupon and no campaign that carries one;
                 of two people who turn out to be one, the stricter word holds.
             `no_profiling`: they are left out of predictions, groups made of them, and personal offers; the same holds.
             `erased_at`: a nameless customer, who keeps orders and points in the books.
ContactKey       the person's number on a platform: (source, value) is unique, e.g. ("shopify", "721").
                 One person may have many; a key never moves without a merge. A merge adds what the dropped customer
                 was known by, under the sources identity.FORMER_EMAIL and FORMER_PHONE: e-mail, phone, and phone with
                 the folded name.
Consent          every yes and no with its source, wording and time; append-only, but for the one row a merge wrote:
                 undoing the merge deletes it, because nobody said that. `Contact.consent` repeats the newest. Blank in
                 a file is unknown, never yes; an import never turns no into yes.
Suppression      "never write to this address", kept as a keyed hash so that it survives erasure and re-import.
Note             what the owner wrote about a person.
Segment          a named group. kind=computed: members are rows, replaced by the analyst's night run
                 (a TRAY: `segments.replace_members`). kind=saved: a saved customer-list filter, read live.
SegmentSize      how many were in a segment on a date, for the chart of sizes over time.
Merge            two customers that turned out to be one: `dropped_id` became `kept_id` and is no row of Contact any
                 more, unless it was undone. `details` is what an undo needs (contacts.merging), emptied after 30 days;
                 the row stays, so that links and numbers of the dropped customer lead to the kept one for ever.
Pair             two customers who may be one (a TRAY of contacts.duplicates, filled each night): why, and how much
                 speaks for it. `distinct_at`: the owner said that they are two; such a pair stays and is never asked
                 again.
Erasure      a wish that somebody be forgotten, and what became of it: asked by the owner, by the customer on their own
             page (then the owner decides until `answer_by`), or by the rule of Retention. Due at `due_at`, until then
             it can be taken back; begun, the customer has no name any more; done, nothing is left. `traces` is what
             the person was known by, so that a process that was killed finds the rest; emptied when it is done.
ForgottenKey a keyed hash of what somebody who was erased was known by, for ever: what is older than `at` and comes in
             again belongs to the nameless customer `contact_id` and teaches nothing (contacts.matching).
DataRequest  what somebody asked through a platform and no program can answer: a copy of their data, or that all the
             platform told be erased (`contact_id` 0). Waits for the owner until `answer_by`; each is open once.
Retention    after how many years of silence customers are forgotten; 0 is never. One row.
PrivacyRecord  who had data handed over, was erased, objected, and when: numbers and no names, kept for ever.
Written by: contacts.forgetting, contacts.retention, contacts.objecting, contacts.handing_over, contacts.requesting.

Standing (a TRAY) is the group of columns at the end of Contact that higher floors report, so that
one list can sort by them: purchases by orders.recording, the balance by rewards.ledger, scores by
loyalty.publishing; each only through contacts.standing. They repeat facts kept elsewhere and
can be rebuilt from them; `check_books` compares.
"""

from django.db import models
from django.db.models import Q
from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from crm.contacts.groups import GROUPS


class ContactQuerySet(models.QuerySet):
    def alive(self):
        return self.filter(erased_at=None)

    def open_to_discounts(self):
        return self.filter(never_discount=False)

    def profiled(self):
        """Leave out whoever objected to predictions, and whoever was erased."""
        return self.filter(erased_at=None, no_profiling=False)


class Contact(models.Model):
    class ConsentState(models.TextChoices):
        UNKNOWN = "unknown", _("Not asked")
        YES = "yes", _("Said yes")
        NO = "no", _("Said no")

    name = models.CharField(_("Full name"), max_length=200, blank=True)
    greeting = models.CharField(_("How to greet"), max_length=100, blank=True)
    email = models.EmailField(_("E-mail"), max_length=254, blank=True)
    email_key = models.CharField(max_length=254, null=True, editable=False)
    address_hash = models.CharField(max_length=64, null=True, editable=False)  # keyed_hash(email_key), for Suppression
    phone = models.CharField(_("Phone"), max_length=40, blank=True)
    phone_key = models.CharField(max_length=20, null=True, editable=False, db_index=True)
    company = models.CharField(_("Company"), max_length=200, blank=True)
    street = models.CharField(_("Street"), max_length=250, blank=True)
    postcode = models.CharField(_("Postcode"), max_length=20, blank=True)
    city = models.CharField(_("City"), max_length=120, blank=True)
    region = models.CharField(_("Region"), max_length=120, blank=True)
    country = models.CharField(_("Country"), max_length=60, blank=True)
    birthday = models.DateField(_("Birthday"), null=True, blank=True)
    language = models.CharField(_("Language"), max_length=10, blank=True)
    tags = models.JSONField(_("Tags"), default=list, blank=True)
    extra = models.JSONField(default=dict, blank=True)  # columns of imported files we have no field for
    consent = models.CharField(max_length=8, choices=ConsentState, default=ConsentState.UNKNOWN)
    never_discount = models.BooleanField(_("Never give money off"), default=False, db_default=False)
    no_profiling = models.BooleanField(_("Leave out of predictions"), default=False, db_default=False, editable=False)
    typed_fields = models.JSONField(default=list, editable=False)  # corrected by hand: no import overwrites them
    joined_at = models.DateTimeField()  # first known moment: sign-up or first order
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)
    erased_at = models.DateTimeField(null=True, editable=False)
    version = models.PositiveIntegerField(default=1, editable=False)
    created_by_import = models.BigIntegerField(null=True, editable=False, db_index=True)

    # Standing: reported by higher floors, see above.
    order_count = models.PositiveIntegerField(default=0, editable=False)
    spent_minor = models.BigIntegerField(default=0, editable=False)  # net of refunds, in the shop's currency
    first_order_at = models.DateTimeField(null=True, editable=False)
    last_order_at = models.DateTimeField(null=True, editable=False)
    points_balance = models.BigIntegerField(default=0, editable=False)
    group = models.CharField(max_length=30, blank=True, editable=False)  # RFM group slug
    stage = models.CharField(max_length=20, blank=True, editable=False)  # life cycle slug
    churn_risk = models.FloatField(null=True, editable=False)  # 0 to 1
    at_stake_minor = models.BigIntegerField(null=True, editable=False)
    scored_on = models.DateField(null=True, editable=False)  # the date the scores speak of

    objects = ContactQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["email_key"], name="contact_email_is_one_person"),
            models.CheckConstraint(condition=~Q(email_key=""), name="contact_email_key_is_null_or_text"),
            models.CheckConstraint(condition=~Q(phone_key=""), name="contact_phone_key_is_null_or_text"),
            models.CheckConstraint(
                condition=Q(churn_risk=None) | Q(churn_risk__gte=0, churn_risk__lte=1), name="contact_risk_is_a_share"
            ),
        ]
        indexes = [
            models.Index(fields=["erased_at"], name="contact_alive"),  # counts them without reading the rows
            models.Index(fields=["name", "id"], name="contact_by_name"),
            models.Index(fields=["-last_order_at", "-id"], name="contact_by_last_order"),
            models.Index(fields=["-spent_minor", "-id"], name="contact_by_spent"),
            models.Index(fields=["-order_count", "-id"], name="contact_by_orders"),
            models.Index(fields=["-points_balance", "-id"], name="contact_by_points"),
            models.Index(fields=["-churn_risk", "-id"], name="contact_by_risk"),
            models.Index(fields=["-at_stake_minor", "-id"], name="contact_by_stake"),
            models.Index(fields=["group", "-spent_minor", "-id"], name="contact_by_group"),
            models.Index(fields=["-joined_at", "-id"], name="contact_by_joined"),
            models.Index(fields=["first_order_at"], name="contact_by_first_order"),
            models.Index(fields=["id"], name="contact_never_discount", condition=Q(never_discount=True)),
            models.Index(fields=["id"], name="contact_not_profiled", condition=Q(no_profiling=True)),
        ]

    def __str__(self):
        return self.display_name

    def get_absolute_url(self) -> str:
        return reverse("contacts:detail", args=[self.pk])

    @property
    def display_name(self) -> str:
        if self.erased_at:
            return _("Erased customer %(number)s") % {"number": self.pk}
        return self.name or self.email or self.phone or _("Customer %(number)s") % {"number": self.pk}

    @property
    def first_name(self) -> str:
        """What a message greets with: the owner's wording, else the first word; a Chinese name stays whole."""
        if self.greeting or not self.name:
            return self.greeting
        is_cjk = "\u3400" <= self.name[0] <= "\u9fff"
        return self.name if is_cjk else self.name.split()[0]


class ContactKey(models.Model):
    contact = models.ForeignKey(Contact, models.CASCADE, related_name="keys")
    source = models.CharField(max_length=30)
    value = models.CharField(max_length=254)
    created_by_import = models.BigIntegerField(null=True, editable=False, db_index=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["source", "value"], name="contact_key_is_one_person")]


class Consent(models.Model):
    class Source(models.TextChoices):
        OWNER = "owner", _("Noted by the owner")
        IMPORT = "import", _("From a file")
        PROGRAM = "program", _("Told by a program")
        LINK = "link", _("Unsubscribe link")
        CLICK = "click", _("One-click unsubscribe")
        BOUNCE = "bounce", _("Address does not exist")
        PAGE = "page", _("On their own page")
        ERASED = "erased", _("Erased")

    contact = models.ForeignKey(Contact, models.CASCADE, related_name="consents")
    state = models.CharField(max_length=8, choices=Contact.ConsentState)
    source = models.CharField(max_length=10, choices=Source)
    detail = models.CharField(max_length=250, blank=True)  # file and column, campaign, or the wording agreed to
    at = models.DateTimeField()
    created_by_import = models.BigIntegerField(null=True, editable=False, db_index=True)


class Suppression(models.Model):
    address_hash = models.CharField(max_length=64, unique=True)  # tokens.keyed_hash(email_key)
    reason = models.CharField(max_length=10, choices=Consent.Source)
    at = models.DateTimeField()


class Note(models.Model):
    contact = models.ForeignKey(Contact, models.CASCADE, related_name="notes")
    text = models.TextField(_("Note"), max_length=5000)
    at = models.DateTimeField()
    author = models.CharField(max_length=120, blank=True)


class Merge(models.Model):
    kept_id = models.BigIntegerField(db_index=True)  # plain numbers: the dropped row is gone, and the kept one may go
    dropped_id = models.BigIntegerField()
    at = models.DateTimeField()
    by = models.CharField(max_length=120, blank=True)
    details = models.JSONField(default=dict)
    undone_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["dropped_id"], condition=Q(undone_at=None), name="merge_drops_once"),
            models.CheckConstraint(condition=~Q(kept_id=models.F("dropped_id")), name="merge_of_two"),
        ]
        indexes = [models.Index(fields=["at"], name="merge_by_time")]


class Pair(models.Model):
    one = models.ForeignKey(Contact, models.CASCADE, related_name="+", db_index=False)
    other = models.ForeignKey(Contact, models.CASCADE, related_name="+")
    weight = models.SmallIntegerField(default=0)
    evidence = models.JSONField(default=list)  # words of duplicates.Evidence
    distinct_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["one", "other"], name="pair_once"),
            models.CheckConstraint(condition=Q(one__lt=models.F("other")), name="pair_smaller_first"),
        ]
        indexes = [models.Index(fields=["-weight", "id"], name="pair_open", condition=Q(distinct_at=None))]


class Erasure(models.Model):
    class Asked(models.TextChoices):
        OWNER = "owner", _("By the owner")
        CUSTOMER = "customer", _("By the customer")
        RETENTION = "retention", _("By the rule of how long data is kept")
        RESTORED = "restored", _("Again, after an older copy was restored")

    contact_id = models.BigIntegerField(db_index=True)
    asked = models.CharField(max_length=10, choices=Asked)
    asked_at = models.DateTimeField()
    answer_by = models.DateTimeField(null=True)
    due_at = models.DateTimeField(null=True)  # null: the owner has not decided
    by_user = models.BigIntegerField(null=True)  # whoever decided
    ended_at = models.DateTimeField(null=True)  # taken back, or refused
    begun_at = models.DateTimeField(null=True)
    done_at = models.DateTimeField(null=True)
    traces = models.JSONField(default=dict)
    mentions = models.JSONField(default=list)  # contacts.mentions: where the name stands about others, until looked at

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["contact_id"], condition=Q(ended_at=None, done_at=None), name="erasure_one_open"
            ),
        ]
        indexes = [models.Index(fields=["due_at"], name="erasure_open", condition=Q(ended_at=None, done_at=None))]


class DataRequest(models.Model):
    class Kind(models.TextChoices):
        COPY = "copy", _("A copy of their data")
        SHOP = "shop", _("To erase what came from there")

    kind = models.CharField(max_length=4, choices=Kind)
    contact_id = models.BigIntegerField(default=0)
    via = models.CharField(max_length=30)  # the platform's source, as in ContactKey
    asked_at = models.DateTimeField()
    answer_by = models.DateTimeField()
    answered_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["kind", "contact_id", "via"], condition=Q(answered_at=None), name="data_request_one_open"
            ),
        ]


class ForgottenKey(models.Model):
    key_hash = models.CharField(max_length=64, unique=True)  # forgetting.hash_of(source, value), as in ContactKey
    contact_id = models.BigIntegerField()
    at = models.DateTimeField()


class Retention(models.Model):
    class Years(models.IntegerChoices):
        OFF = 0, _("Off: nobody is forgotten by a rule")
        TWO = 2, _("2 years")
        THREE = 3, _("3 years")
        FIVE = 5, _("5 years")
        SEVEN = 7, _("7 years")
        TEN = 10, _("10 years")

    id = models.PositiveSmallIntegerField(primary_key=True, default=1, editable=False)
    years = models.PositiveSmallIntegerField(choices=Years, default=Years.OFF)
    looked_on = models.DateField(null=True)  # the local day on which nobody was left to forget
    found = models.PositiveIntegerField(default=0)  # since the run of that day began

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(id=1), name="retention_is_the_only_one")]

    @classmethod
    def current(cls) -> "Retention":
        """Return the rule, as everybody begins with it where nothing was set."""
        return cls.objects.first() or cls()


class PrivacyRecord(models.Model):
    class Act(models.TextChoices):
        HANDED_OVER = "handed", _("Data handed over")
        ASKED = "asked", _("Erasing asked for")
        PLANNED = "planned", _("Erasing decided")
        TAKEN_BACK = "back", _("Erasing taken back")
        REFUSED = "refused", _("Erasing refused")
        ERASED = "erased", _("Erased")
        OBJECTED = "objected", _("Left out of predictions")
        ADMITTED = "admitted", _("Part of predictions again")
        RETENTION = "retention", _("Looked for customers to forget")
        RULE = "rule", _("How long data is kept was changed")
        COPY_ASKED = "copy", _("Copy of the data asked for")

    act = models.CharField(max_length=10, choices=Act)
    contact_id = models.BigIntegerField(null=True)
    by_user = models.BigIntegerField(null=True)
    by_customer = models.BooleanField(default=False)
    count = models.PositiveIntegerField(null=True)  # act=retention: customers; act=rule: years
    at = models.DateTimeField(db_index=True)


class Segment(models.Model):
    class Kind(models.TextChoices):
        COMPUTED = "computed", _("Kept by the night run")
        SAVED = "saved", _("Saved filter")

    slug = models.SlugField(max_length=60, unique=True)
    name = models.CharField(_("Name"), max_length=100)
    description = models.CharField(max_length=300, blank=True)
    kind = models.CharField(max_length=10, choices=Kind, default=Kind.COMPUTED)
    filter = models.JSONField(default=dict, blank=True)  # kind=saved: the customer list's query
    member_count = models.PositiveIntegerField(default=0)
    spent_minor = models.BigIntegerField(default=0)
    as_of = models.DateField(null=True)
    rank = models.PositiveSmallIntegerField(default=100)
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self):
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("contacts:list") + f"?segment={self.slug}"

    @property
    def label(self) -> str:
        """Return the name in the reader's language; the night run writes the English one, owners write their own."""
        if self.kind == self.Kind.SAVED:
            return self.name
        return str(GROUPS[self.slug].label) if self.slug in GROUPS else gettext(self.name)


class SegmentMember(models.Model):
    segment = models.ForeignKey(Segment, models.CASCADE, related_name="members")
    contact = models.ForeignKey(Contact, models.CASCADE, related_name="memberships")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["segment", "contact"], name="segment_holds_a_person_once")]


class SegmentSize(models.Model):
    segment = models.ForeignKey(Segment, models.CASCADE, related_name="sizes")
    date = models.DateField()
    member_count = models.PositiveIntegerField()
    spent_minor = models.BigIntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["segment", "date"], name="segment_size_once_a_day")]
