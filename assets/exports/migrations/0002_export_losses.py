from django.db import migrations, models

from kernel.onepass import OnePass


class Migration(OnePass):
    dependencies = [
        ("exports", "0001_initial"),
    ]

    operations = [
        migrations.AddField(
            model_name="export",
            name="losses",
            field=models.JSONField(default=dict, verbose_name="格式损失"),
        ),
    ]
