"""What is done with people's data in imported files (contacts.processing)."""

from django.utils.translation import gettext as _

from crm.contacts.processing import Activity


def describe() -> Activity:
    return Activity(
        title=_("Imported files"),
        purpose=_("Read what your shop platform and other programs export, and take back an import that was wrong."),
        what=_("The files as they were uploaded, rows that could not be read, and what stood there before."),
        origin=_("Files you or your programs hand in."),
        kept=_("Until somebody the file names is erased: then the whole file is deleted."),
        safeguards=[_("No address on the web leads to an uploaded file.")],
    )
