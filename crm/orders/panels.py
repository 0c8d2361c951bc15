"""What upper floors show on the order page: `register(name, reader, template)`, called in AppConfig.ready()."""

from crm.lib.panels import Panels

PANELS = Panels("order")
register = PANELS.register
