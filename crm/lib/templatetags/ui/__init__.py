"""The components pages are built from; each is shown in every state on /styleguide/.

Icons, badges and avatars stand in loops of fifty rows, so every tag here writes its HTML
directly and none renders a template. Reference: docs/reference/components.md.
"""

from crm.lib.templatetags.ui import blocks, buttons, figures, forms, marks, navigation, script
from crm.lib.templatetags.ui.base import TONES, UnknownChoice, register
from crm.lib.templatetags.ui.marks import icon_names, initials

__all__ = [
    "TONES", "UnknownChoice", "blocks", "buttons", "figures", "forms", "icon_names", "initials", "marks", "navigation",
    "register", "script",
]  # fmt: skip
