"""One conversation: what was said, who it is, the answer."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from crm.accounts.access import Right, needs
from crm.contacts.models import Contact
from crm.lib import clock, digits, hints
from crm.listening import answering, holding_back, moving_on, tasks
from crm.listening.forms import NoteForm, RemindForm, ReplyForm, new_key
from crm.listening.models import Conversation, Line, SavedAnswer
from crm.listening.scoring import TOP
from crm.listening.views.inbox import find_people
from crm.orders.models import Order

LINES = 200  # the newest
ORDERS = 3
State = Conversation.State


@needs(reading=Right.SERVE, writing=Right.SERVE)
@require_http_methods(["GET", "HEAD", "POST"])
def show(request: HttpRequest, pk: int) -> HttpResponse:
    """Show a conversation and take the answer to it; a button with a saved answer only puts its words in."""
    conversation = get_object_or_404(Conversation.objects.select_related("contact"), pk=pk)
    if request.method != "POST":
        return _draw(request, conversation)
    now, form = clock.now(), ReplyForm(request.POST)
    if use := digits.read(request.POST.get("use")):
        saved = SavedAnswer.objects.filter(pk=use).first()
        typed = request.POST.get("text", "")
        values = request.POST.dict() | {"version": conversation.version}
        if saved:
            values["text"] = answering.add_saved(typed, saved, conversation, now=now)
        return _draw(request, conversation, ReplyForm(initial=values))
    if not form.is_valid():
        return _draw(request, conversation, form, status=422)
    said = form.cleaned_data
    then = State.DONE if request.POST.get("then") == "done" else State.WAITING
    reply = answering.Reply(
        text=said["text"], form_key=said["form_key"], version=said["version"], by=request.user.name,
        points=(said["points"] or 0) if conversation.contact_id else 0, reason=said["reason"], then=then,
    )  # fmt: skip
    try:
        line = answering.answer(conversation, reply, now=now)
    except answering.ChangedMeanwhile as changed:
        newest = Conversation.objects.select_related("contact").get(pk=pk)
        form = ReplyForm(initial=said | {"version": newest.version, "form_key": new_key()})
        return _draw(request, newest, form, problem=str(changed), status=409)
    except answering.CannotAnswer as refusal:
        form.add_error(None, str(refusal))
        return _draw(request, conversation, form, status=422)
    hints.hint(tasks.send_answers)
    if line.state == Line.State.ON_PAGE:
        messages.success(request, _("Your answer stands on their own page now."))
    return redirect("listening:inbox" if then == State.DONE else conversation)


@needs(writing=Right.SERVE)
@require_POST
def move(request: HttpRequest, pk: int) -> HttpResponse:
    conversation = get_object_or_404(Conversation, pk=pk)
    if (state := request.POST.get("state", "")) in State.values:
        moving_on.move(pk, state=state)
    if state == State.DONE:
        messages.success(request, _("Done. It opens again when they write."))
        return redirect("listening:inbox")
    return redirect(conversation)


@needs(writing=Right.SERVE)
@require_POST
def remind(request: HttpRequest, pk: int) -> HttpResponse:
    conversation = get_object_or_404(Conversation.objects.select_related("contact"), pk=pk)
    form = RemindForm(request.POST, today=_today(request))
    if not form.is_valid():
        return _draw(request, conversation, remind_form=form, status=422)
    moving_on.remind(pk, on=form.cleaned_data["on"])
    return redirect("listening:inbox")


@needs(writing=Right.SERVE)
@require_POST
def note(request: HttpRequest, pk: int) -> HttpResponse:
    conversation = get_object_or_404(Conversation.objects.select_related("contact"), pk=pk)
    form = NoteForm(request.POST)
    if not form.is_valid():
        return _draw(request, conversation, note_form=form, status=422)
    moving_on.note(pk, **form.cleaned_data, by=request.user.name, now=clock.now())
    return redirect(conversation)


@needs(reading=Right.SERVE, writing=Right.SERVE)
@require_http_methods(["GET", "HEAD", "POST"])
def customer(request: HttpRequest, pk: int) -> HttpResponse:
    """Say which customer a conversation is with."""
    conversation = get_object_or_404(Conversation.objects.select_related("contact"), pk=pk)
    if request.method == "POST":
        chosen = digits.read(request.POST.get("contact"))
        contact = Contact.objects.alive().filter(pk=chosen).first() if chosen else None
        if contact:
            moving_on.belongs_to(pk, contact_id=contact.pk)
            messages.success(request, _("This conversation is with %(name)s now.") % {"name": contact.display_name})
        return redirect(conversation)
    words = request.GET.get("q", conversation.name).strip()[:100]
    context = {"conversation": conversation, "words": words, "people": find_people(words)}
    return render(request, "listening/customer.html", context)


@needs(writing=Right.SERVE)
@require_POST
def again(request: HttpRequest, pk: int) -> HttpResponse:
    """Send an answer once more that failed or may not have arrived."""
    line = get_object_or_404(Line.objects.select_related("conversation__contact"), pk=pk)
    try:
        if answering.send_again(line, now=clock.now()):
            hints.hint(tasks.send_answers)
    except answering.CannotAnswer as refusal:
        messages.error(request, str(refusal))
    return redirect(line.conversation)


@needs(writing=Right.SERVE)
@require_POST
def arrived(request: HttpRequest, pk: int) -> HttpResponse:
    """Count a doubtful answer as arrived."""
    line = get_object_or_404(Line.objects.select_related("conversation"), pk=pk)
    answering.treat_as_sent(line, now=clock.now())
    return redirect(line.conversation)


def _draw(
    request: HttpRequest,
    conversation: Conversation,
    form: ReplyForm | None = None,
    *,
    note_form: NoteForm | None = None,
    remind_form: RemindForm | None = None,
    problem: str = "",
    status: int = 200,
) -> HttpResponse:
    lines = list(conversation.lines.select_related("outgoing").order_by("-at", "-pk")[:LINES])[::-1]
    try:
        answering.check(conversation)
        refusal = ""
    except answering.CannotAnswer as error:
        refusal = str(error)
    contact = conversation.contact
    answer = conversation.feedback.select_related("order").order_by("-at").first()
    context = {
        "conversation": conversation, "lines": lines, "problem": problem, "refusal": refusal,
        "form": form or ReplyForm(initial={"form_key": new_key(), "version": conversation.version}),
        "note_form": note_form or NoteForm(initial={"form_key": new_key()}, auto_id="note_%s"),
        "remind_form": remind_form or RemindForm(today=_today(request), initial={"on": conversation.remind_on}),
        "saved": SavedAnswer.objects.order_by("title", "pk"),
        "is_sending": any(line.state in (Line.State.QUEUED, Line.State.SENDING) for line in lines),
        "orders": Order.objects.filter(contact=contact).order_by("-placed_at", "-pk")[:ORDERS] if contact else [],
        "answer": answer, "top": answer and TOP[answer.asks],
        "holds_back": contact and holding_back.is_reason(conversation),
    }  # fmt: skip
    return render(request, "listening/thread.html", context, status=status)


def _today(request: HttpRequest):
    return clock.local_date(clock.now(), request.shop.timezone)
