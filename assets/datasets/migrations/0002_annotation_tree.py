import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations, models

from kernel.onepass import OnePass


class Migration(OnePass):

    dependencies = [
        ('datasets', '0001_initial'),
    ]

    operations = [
        pgtrigger.migrations.RemoveTrigger(
            model_name='datasetversion',
            name='sealed_fixed',
        ),
        migrations.AddField(
            model_name='datasetversion',
            name='annotation_count',
            field=models.PositiveIntegerField(default=0, verbose_name='标注条数'),
        ),
        migrations.AddField(
            model_name='datasetversion',
            name='annotation_root',
            field=models.CharField(blank=True, max_length=64, verbose_name='标注树根'),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='datasetversion',
            trigger=pgtrigger.compiler.Trigger(name='sealed_fixed', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD."annotation_count" IS DISTINCT FROM (NEW."annotation_count") OR OLD."annotation_root" IS DISTINCT FROM (NEW."annotation_root") OR OLD."byte_count" IS DISTINCT FROM (NEW."byte_count") OR OLD."dataset_id" IS DISTINCT FROM (NEW."dataset_id") OR OLD."dictionary" IS DISTINCT FROM (NEW."dictionary") OR OLD."file_count" IS DISTINCT FROM (NEW."file_count") OR OLD."label_counts" IS DISTINCT FROM (NEW."label_counts") OR OLD."manifest_key" IS DISTINCT FROM (NEW."manifest_key") OR OLD."project_id" IS DISTINCT FROM (NEW."project_id") OR OLD."root_hash" IS DISTINCT FROM (NEW."root_hash") OR OLD."row_count" IS DISTINCT FROM (NEW."row_count") OR OLD."sample" IS DISTINCT FROM (NEW."sample") OR OLD."sealed_at" IS DISTINCT FROM (NEW."sealed_at") OR OLD."version" IS DISTINCT FROM (NEW."version"))', func="\n                    IF OLD.state <> 'building' THEN\n                        RAISE EXCEPTION 'a sealed dataset version never changes';\n                    END IF;\n                    RETURN NEW;\n                ", hash='2469caa4df422e97719e79bdddd42493c6fedc36', operation='UPDATE', pgid='pgtrigger_sealed_fixed_821d6', table='datasets_datasetversion', when='BEFORE')),
        ),
    ]
