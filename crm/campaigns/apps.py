from django.apps import AppConfig


class CampaignsConfig(AppConfig):
    name = "crm.campaigns"
    label = "campaigns"
