"""What lot inspection says no to."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from kernel.errors import Refusal, SelfReview


class NoPlanInForce(Refusal):
    """Lots need a plan on which both sides agreed."""

    code = "inspection_plan_missing"
    message = _("还没有双方同意的抽检方案，请先商定方案，再提交检验批。")


class PlanWaits(Refusal):
    """One proposal at a time."""

    code = "inspection_plan_waits"
    message = _("已有一份抽检方案等待答复，请先答复，再提出新方案。")


class PlanAnswered(Refusal):
    """A plan is answered once, and only while it is the newest."""

    code = "inspection_plan_answered"
    message = _("这份抽检方案已经答复过。")


class OwnProposal(SelfReview):
    """The side that proposed a plan does not agree to it."""

    message = _("抽检方案由提出方以外的一方答复；自用项目由本单位另一位同事答复。")


class NotInWork(Refusal):
    """Lots are submitted and inspected while the project is in progress or delivered."""

    code = "inspection_not_in_work"
    message = _("项目目前%(state)s，不能进行这项抽检操作。")


class NothingForLots(Refusal):
    """There is nothing finished that is in no lot yet, or not enough of it."""

    code = "nothing_for_lots"
    message = _("可成批的数据有 %(count)s 条，不足一批。请等更多数据完成，或在交付时一并成批。")


class InspectionDiscontinued(Refusal):
    """After five rejected lots under tightened inspection nothing is inspected until it is resumed."""

    code = "inspection_discontinued"
    message = _("加严检验下累计 5 批不接收，检验已暂停。请供方改进后，由抽检方恢复检验。")


class NotDiscontinued(Refusal):
    """Only discontinued inspection is resumed."""

    code = "inspection_not_discontinued"
    message = _("检验没有暂停，无需恢复。")


class LotUnfinished(Refusal):
    """A lot is submitted again when all its rework is done."""

    code = "lot_unfinished"
    message = _("本批还有 %(count)s 条数据没有完成返工，全部通过质检后才能再次提交。")


class OtherLotDrawn(Refusal):
    """Lots are judged one after the other, so that switching has an order."""

    code = "other_lot_drawn"
    message = _("第 %(lot)s 批正在抽检，请先判定它：下一批的严格度取决于它的结果。")


class OwnItem(SelfReview):
    """Nobody inspects what they labelled or reviewed."""

    message = _("您标注或质检过这条数据，不能由您抽检，请由其他抽检人检验。")


class SampleUnfinished(Refusal):
    """A lot is judged when its sample is inspected."""

    code = "sample_unfinished"
    message = _("样本还有 %(count)s 条没有检验，检完后才能判定。")


class ItemFrozen(Refusal):
    """What is in a lot under inspection is not changed."""

    code = "item_in_frozen_lot"
    message = _("第 %(number)s 条数据在待判定的第 %(lot)s 批中，判定之前不能返工。")


class LotsNotAccepted(Refusal):
    """A project with an inspection plan is accepted when its lots are."""

    code = "lots_not_accepted"
    message = _("有 %(count)s 条数据还没有随检验批接收，请在“抽检”页完成抽检，再验收项目。")
