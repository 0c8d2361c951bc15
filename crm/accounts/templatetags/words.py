"""`{{ text|counted:shop.kind }}` and `{% filter counted:shop.kind %}…{% endfilter %}`: points, stamps or credits."""

from django import template

from crm.accounts import wording

register = template.Library()
register.filter("counted", wording.counted, is_safe=True)
