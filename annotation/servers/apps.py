from django.apps import AppConfig


class ServersConfig(AppConfig):
    name = "annotation.servers"
    label = "servers"
    verbose_name = "Label Studio"
