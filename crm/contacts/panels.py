"""What upper floors show on the customer page: `register(name, reader, template)`, called in AppConfig.ready()."""

from crm.lib.panels import Panels

PANELS = Panels("contact")
register = PANELS.register
