"""The inbox: the list of conversations, what is typed in or dropped in, and the settings of all this."""

from django.conf import settings as box
from django.contrib import messages
from django.db.models import Count, Exists, OuterRef, Q, Subquery
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_safe

from crm.accounts import logbook
from crm.accounts.access import Right, needs
from crm.contacts import listing
from crm.contacts.models import Contact
from crm.lib import clock, digits
from crm.lib.paging import QuickPages
from crm.listening import hearing, letters, receiving
from crm.listening.forms import DeskForm, MailForm, TypedForm, new_key
from crm.listening.models import Conversation, Desk, Line, SavedAnswer

PAGE_SIZE = 30
FOUND = 12
State = Conversation.State


@needs(reading=Right.SERVE)
@require_safe
def conversations(request: HttpRequest) -> HttpResponse:
    """List the conversations of a state, those last heard of first; or those that hold some words."""
    words = request.GET.get("q", "").strip()[:100]
    state = request.GET.get("state", "")
    state = state if state in State.values else State.OPEN
    rows = Conversation.objects.filter(_holding(words)) if words else Conversation.objects.filter(state=state)
    last = Line.objects.filter(conversation=OuterRef("pk")).order_by("-at", "-pk")
    drawn = Conversation.objects.select_related("contact").annotate(
        last_text=Subquery(last.values("text")[:1]), last_direction=Subquery(last.values("direction")[:1])
    )
    pages = QuickPages(rows.order_by("-last_at", "-pk"), PAGE_SIZE, drawn=drawn, is_filtered=bool(words))
    counts = (
        Conversation.objects.exclude(state=State.DONE)
        .order_by()
        .aggregate(open=Count("pk", filter=Q(state=State.OPEN)), waiting=Count("pk", filter=Q(state=State.WAITING)))
    )
    context = {
        "page": pages.get_page(request.GET.get("page")), "words": words, "state": state, "counts": counts,
        "states": [
            (one.label, f"?state={one.value}", not words and one == state, counts.get(one.value)) for one in State
        ],
        "is_empty": not words and not Conversation.objects.exists(),
        "contact_form": box.SITE_URL + reverse("listening:write"), "desk": Desk.current(),
    }  # fmt: skip
    return render(request, "listening/inbox.html", context)


@needs(reading=Right.SERVE, writing=Right.SERVE)
@require_http_methods(["GET", "HEAD", "POST"])
def new(request: HttpRequest) -> HttpResponse:
    """Type in what somebody said on the phone or at the counter."""
    chosen = digits.read(request.POST.get("contact") or request.GET.get("contact"))
    contact = Contact.objects.alive().filter(pk=chosen).first() if chosen else None
    words = request.GET.get("q", "").strip()[:100]
    initial = {"form_key": new_key(), "contact": contact.pk if contact else None}
    if request.method != "POST":
        return _draw_new(request, TypedForm(initial=initial), contact, words)
    form = TypedForm(request.POST)
    if not form.is_valid():
        return _draw_new(request, form, contact, words, status=422)
    said = form.cleaned_data
    line, _is_new = hearing.hear(
        hearing.Words(
            text=said["text"],
            via=said["via"],
            contact_id=contact.pk if contact else None,
            name=said["name"],
            email=said["email"],
            phone=said["phone"],
            by=request.user.name,
            form_key=said["form_key"],
            is_complaint=said["is_complaint"],
        ),
        now=clock.now(),
    )
    return redirect(line.conversation)


def _draw_new(
    request: HttpRequest, form: TypedForm, contact: Contact | None, words: str, *, status: int = 200
) -> HttpResponse:
    context = {"form": form, "contact": contact, "words": words, "people": find_people(words)}
    return render(request, "listening/new.html", context, status=status)


@needs(reading=Right.SERVE, writing=Right.SERVE)
@require_http_methods(["GET", "HEAD", "POST"])
def mails(request: HttpRequest) -> HttpResponse:
    """Take in mails that were saved as files."""
    form = MailForm(request.POST, request.FILES) if request.method == "POST" else MailForm()
    if not form.is_valid():
        return render(request, "listening/mails.html", {"form": form}, status=422 if form.is_bound else 200)
    own, now, kept, known, problems = receiving.own_addresses(request.shop), clock.now(), [], 0, []
    for file in form.cleaned_data["files"]:
        try:
            if file.size > letters.MOST_BYTES:
                raise receiving.NotKept(_("It is bigger than 25 MB."))
            line, is_new = receiving.take(file.read(), own=own, now=now)
        except letters.NotAMail:
            problems.append(_("%(file)s: this is not a mail with a sender.") % {"file": file.name})
        except receiving.FromOurselves:
            problems.append(_("%(file)s: you wrote this mail yourself.") % {"file": file.name})
        except receiving.Automatic:
            problems.append(_("%(file)s: a program wrote this mail, nobody waits for an answer.") % {"file": file.name})
        except receiving.NotKept as error:
            problems.append(_("%(file)s: %(reason)s") % {"file": file.name, "reason": error})
        else:
            kept += [line] if is_new else []
            known += not is_new
    for problem in problems:
        messages.warning(request, problem)
    if known:
        text = ngettext("%(count)s mail was here already.", "%(count)s mails were here already.", known)
        messages.info(request, text % {"count": known})
    if kept:
        text = ngettext("%(count)s mail is in your inbox.", "%(count)s mails are in your inbox.", len(kept))
        messages.success(request, text % {"count": len(kept)})
    return redirect(kept[0].conversation if len(kept) == 1 else "listening:inbox")


@require_http_methods(["GET", "HEAD", "POST"])
def settings(request: HttpRequest) -> HttpResponse:
    desk = Desk.current()
    form = DeskForm(request.POST or None, instance=desk)
    if request.method == "POST" and form.is_valid():
        Desk.objects.update_or_create(pk=1, defaults=form.cleaned_data)
        logbook.write(logbook.SETTINGS_CHANGED, by=request.user, now=clock.now(), href=request.path)
        messages.success(request, _("Saved."))
        return redirect("listening:settings")
    context = {
        "form": form, "mailbox": desk.mailbox, "polled_at": desk.polled_at, "has_mailbox": bool(box.INBOX_URL),
        "contact_form": box.SITE_URL + reverse("listening:write"), "saved_count": SavedAnswer.objects.count(),
    }  # fmt: skip
    return render(request, "listening/settings.html", context, status=422 if form.errors else 200)


def find_people(words: str) -> list[Contact]:
    """Return some customers whose name, address or number holds these words."""
    if len(words) < 2 and words.isascii():  # 王 is a whole family name
        return []
    return list(listing.Filter({"q": words}, now=clock.now()).ordered.defer("extra")[:FOUND])


def _holding(words: str) -> Q:
    said = Line.objects.filter(conversation=OuterRef("pk"), text__icontains=words)
    of_people = Contact.objects.alive().filter(listing.search(words)).values("pk")
    return (
        Q(subject__icontains=words) | Q(name__icontains=words) | Q(email__icontains=words) | Exists(said)
        | Q(contact__in=of_people)
    )  # fmt: skip
