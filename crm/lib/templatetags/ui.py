"""The components pages are built from; each is shown in every state on /styleguide/."""

from django import template

register = template.Library()
