"""Which news reaches whom: the only place where events meet handlers and registries are filled."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

from kernel import events
from kernel.events import Event

Handler = Callable[[Any], None]


def handlers() -> dict[type[Event], list[Handler]]:
    """Every event with its handlers, in order; imported late so that all apps are loaded."""
    parts = (
        _people, _annotation, _quality, _inspection, _assets, _registrations, _listings, _trades, _disputes, _accounts, _market, _tenders, _pilots, _brokers, _spaces, _risk, _rewards, _invoices,
    )  # fmt: skip
    found: dict[type[Event], list[Handler]] = {}
    for part in parts:
        for event, wanted in part().items():
            found.setdefault(event, []).extend(wanted)
    return found


def _people() -> dict[type[Event], list[Handler]]:
    from exchange.catalogue import searching
    from notifications import services as notifications
    from organizations import events as news

    def keep_place(event: news.VerificationDecided) -> None:
        searching.keep_facets_of_supplier(event.organization_id)

    return {
        news.MemberInvited: [notifications.tell_invited],
        news.MemberJoined: [notifications.tell_joined],
        news.VerificationSubmitted: [notifications.tell_verification_submitted],
        news.VerificationDecided: [keep_place, notifications.tell_verification_decided],
    }


def _annotation() -> dict[type[Event], list[Handler]]:
    from annotation.inspection import services as inspection
    from annotation.intake.events import ItemsRanked
    from annotation.projects import events as news
    from annotation.quality import services as quality
    from annotation.servers import events as servers
    from annotation.work import events as work_news
    from annotation.work import services as work
    from config import annotation_notices as notices
    from config import label_notices
    from settlement.payments import services as payments

    return {
        servers.ResultsKeptAside: [label_notices.tell_kept_aside],
        servers.GapFound: [label_notices.tell_gap],
        servers.ServerLost: [label_notices.tell_server_lost],
        news.QuestionAsked: [notices.tell_question_asked],
        news.QuestionAnswered: [notices.tell_question_answered],
        work_news.LeaseLapsed: [notices.tell_lease_lapsed],
        work_news.TaskReassigned: [notices.tell_reassigned],
        work_news.VerdictOverturned: [notices.tell_overturned],
        news.ProjectOpened: [work.require_fair_pay, work.create_tasks_of_project],
        news.BatchImported: [work.create_tasks_of_batch],
        news.QualityPlanDecided: [work.create_copies_of_plan],
        news.ProjectDelivered: [
            quality.withdraw_before_delivery,
            work.require_finished,
            quality.settle_before_delivery,
            inspection.cut_before_delivery,
        ],
        news.ProjectSentBack: [work.reopen_sent_back],
        news.ProjectAccepted: [inspection.require_lots_accepted, payments.pay_accepted],
        ItemsRanked: [work.rank_tasks],
    }


def _quality() -> dict[type[Event], list[Handler]]:
    from annotation.quality import events as news
    from annotation.quality import services as quality
    from annotation.work import events as work
    from config import quality_notices as notices

    return {
        work.TasksWanted: [quality.prefer_tasks],
        work.TaskSubmitted: [quality.score_submitted],
        news.TrainingScored: [notices.tell_training],
        news.StandingChanged: [notices.tell_standing],
        news.WorkerWarned: [notices.tell_warned],
        news.GoldContested: [notices.tell_contested],
        news.ContestDecided: [notices.tell_decided],
        news.DriftSeen: [notices.tell_drift],
    }


def _inspection() -> dict[type[Event], list[Handler]]:
    from annotation.inspection import events as news
    from annotation.inspection import services as inspection
    from annotation.work import events as work
    from config import inspection_notices as notices

    return {
        work.TasksReopened: [inspection.keep_frozen],
        news.PlanProposed: [notices.tell_proposed],
        news.PlanAnswered: [notices.tell_answered],
        news.LotsSubmitted: [notices.tell_submitted],
        news.LotAccepted: [notices.tell_accepted],
        news.LotRejected: [notices.tell_rejected],
        news.StrictnessChanged: [notices.tell_strictness],
    }


def _assets() -> dict[type[Event], list[Handler]]:
    from assets.credentials import services as credentials
    from assets.datasets import events as datasets
    from assets.profiles import services as profiles
    from assets.registry import events as news
    from assets.registry import services as registry
    from config import notices
    from exchange.catalogue import services as catalogue
    from exchange.delivery import services as delivery

    def issue_credential(event: news.CertificateIssued) -> None:
        credentials.issue(by=event.by, at=event.at, certificate_id=event.certificate_id)

    def note_document(event: news.DocumentIssued) -> None:
        credentials.note_document(by=event.by, at=event.at, certificate_id=event.certificate_id)

    def follow_certificate(event: news.CertificateLapsed | news.CertificateResumed) -> None:
        credentials.follow(by=event.by, at=event.at, certificate_id=event.certificate_id)

    def suspend_listings(event: news.CertificateLapsed) -> None:
        catalogue.suspend_lapsed(by=event.by, at=event.at, certificate_id=event.certificate_id)

    def suspend_entitlements(event: news.CertificateLapsed) -> None:
        delivery.suspend_revoked(at=event.at, certificate_id=event.certificate_id)

    def make_profile(event: datasets.VersionSealed) -> None:
        profiles.queue_profile(by=event.by, at=event.at, version_id=event.version_id)

    def follow_replacement(event: news.CertificateReplaced) -> None:
        catalogue.relist_under(at=event.at, former_id=event.former_id, certificate_id=event.certificate_id)

    def follow_resumption(event: news.CertificateResumed) -> None:
        catalogue.relist_under(
            at=event.at, former_id=event.certificate_id, certificate_id=event.certificate_id
        )

    return {
        datasets.VersionSealed: [make_profile],
        datasets.VersionWithdrawn: [registry.refuse_withdrawal_of_registered],
        news.CertificateIssued: [issue_credential, notices.tell_certificate_issued],
        news.DocumentIssued: [note_document],
        news.CertificateLapsed: [
            follow_certificate,
            suspend_listings,
            suspend_entitlements,
            notices.tell_certificate_lapsed,
        ],
        news.CertificateResumed: [follow_certificate, follow_resumption, notices.tell_certificate_resumed],
        news.CertificateReplaced: [follow_replacement, notices.tell_certificate_replaced],
        news.CertificateEnding: [
            notices.tell_certificate_ending,
            notices.tell_listing_ending,
            notices.tell_unsigned_ending,
        ],
    }


def _registrations() -> dict[type[Event], list[Handler]]:
    from assets.registry import events as news
    from config import notices

    return {
        news.LicenceRegistered: [notices.tell_licence_registered],
        news.AgreementAsked: [notices.tell_agreement_asked],
        news.ApplicationSubmitted: [notices.tell_application_submitted],
        news.ApplicationReturned: [notices.tell_application_returned],
        news.ApplicationInNotice: [notices.tell_application_in_notice],
        news.ApplicationRejected: [notices.tell_application_rejected],
        news.ApplicationConcluded: [notices.tell_application_concluded],
        news.ReviewerAssigned: [notices.tell_reviewer_assigned],
        news.NoticeEnded: [notices.tell_notice_ended],
        news.ReviewOverdue: [notices.tell_review_overdue],
        news.ObjectionFiled: [notices.tell_objection_filed],
        news.ObjectionAccepted: [notices.tell_objection_accepted],
        news.ObjectionOverdue: [notices.tell_objection_overdue],
        news.ObjectionDecided: [notices.tell_objection_decided],
        news.RevocationNoticed: [notices.tell_revocation_noticed],
        news.RevocationDecided: [notices.tell_revocation_decided],
    }


def _listings() -> dict[type[Event], list[Handler]]:
    from config import notices
    from exchange.catalogue import events as catalogue
    from exchange.catalogue.selectors import version_moved_by
    from exchange.delivery import services as deliveries
    from exchange.requests import events as requests
    from exchange.reviews import events as reviews

    def follow_version(event: catalogue.RevisionApplied) -> None:
        version_id = version_moved_by(event.revision_id)
        if version_id is not None:
            deliveries.follow_new_version(at=event.at, product_id=event.product_id, version_id=version_id)

    return {
        catalogue.ListingSubmitted: [notices.tell_listing_submitted],
        catalogue.RevisionSubmitted: [notices.tell_revision_submitted],
        catalogue.RevisionApplied: [follow_version, notices.tell_revision_applied],
        catalogue.RevisionRejected: [notices.tell_revision_rejected],
        catalogue.ListingSuspended: [notices.tell_listing_suspended],
        catalogue.BuyerInvited: [notices.tell_buyer_invited],
        catalogue.QuestionAsked: [notices.tell_question_asked],
        catalogue.QuestionAnswered: [notices.tell_question_answered],
        reviews.ReviewWritten: [notices.tell_review_written],
        reviews.ReviewHidden: [notices.tell_review_hidden],
        catalogue.ListingPublished: [notices.tell_listing_published],
        catalogue.ListingRejected: [notices.tell_listing_rejected],
        requests.RequestMade: [notices.tell_request_made],
        requests.RequestApproved: [notices.tell_request_approved],
        requests.RequestRefused: [notices.tell_request_refused],
        requests.RequestExpired: [notices.tell_request_expired],
        requests.RequestWithdrawn: [notices.tell_request_withdrawn],
        requests.OfferMade: [notices.tell_offer_made],
        requests.OfferAccepted: [notices.tell_offer_accepted],
    }


def _trades() -> dict[type[Event], list[Handler]]:
    from config import notices
    from exchange.catalogue import services as catalogue_services
    from exchange.delivery import events as delivery
    from exchange.delivery import services as deliveries
    from exchange.filings import services as filings
    from exchange.filings.rules import Invoiced, Receipt
    from exchange.trading import events as news
    from exchange.trading.models import Order, Supplement
    from settlement.invoicing.selectors import invoice_facts_of
    from settlement.payments import services as payments
    from settlement.payments.events import OrderRefunded
    from settlement.payments.selectors import refunded_of, release_facts_of
    from settlement.revenue import services as revenue

    def receipt_of(order_id: UUID) -> Receipt | None:
        found = release_facts_of(order_id)
        return Receipt(*found) if found else None

    def file_trade(event: news.OrderCompleted) -> None:
        receipt = receipt_of(event.order_id)
        invoices = [Invoiced(*each) for each in invoice_facts_of(event.order_id)]
        filings.file_trade(
            by=event.by, at=event.at, order_id=event.order_id, receipt=receipt, invoices=invoices
        )

    def book_receipt(event: news.OrderCompleted) -> None:
        revenue.book_receipt(by=event.by, at=event.at, order_id=event.order_id)

    def amend_filing(event: OrderRefunded) -> None:
        filings.amend_after_refund(
            by=event.by, at=event.at, order_id=event.order_id, refunded_total=refunded_of(event.order_id)
        )

    def book_refund(event: OrderRefunded) -> None:
        revenue.book_refund(by=event.by, at=event.at, refund_id=event.refund_id)

    def end_exclusive_sale(event: news.OrderContracted) -> None:
        plan_id = Order.objects.values_list("plan_id", flat=True).get(pk=event.order_id)
        catalogue_services.end_sale(by=event.by, at=event.at, plan_id=plan_id)

    def end_entitlement(event: OrderRefunded) -> None:
        deliveries.end_refunded(at=event.at, order_id=event.order_id)

    def follow_contract(event: news.SupplementInForce) -> None:
        rows = Supplement.objects.filter(pk=event.supplement_id)
        deliveries.follow_contract(
            at=event.at, order_id=rows.values_list("contract__order_id", flat=True).get()
        )

    return {
        news.OrderPlaced: [notices.tell_order_placed],
        news.OrderContracted: [end_exclusive_sale, notices.tell_order_contracted],
        news.OrderPaid: [notices.tell_order_paid],
        news.OrderCancelled: [notices.tell_order_cancelled],
        news.SupplementProposed: [notices.tell_supplement_proposed],
        news.SupplementInForce: [follow_contract, notices.tell_supplement_in_force],
        news.SupplementEnded: [notices.tell_supplement_ended],
        delivery.OrderDelivered: [notices.tell_order_delivered],
        delivery.VersionAdded: [notices.tell_version_added],
        delivery.EntitlementSuspended: [notices.tell_entitlement_suspended],
        delivery.EntitlementResumed: [notices.tell_entitlement_resumed],
        delivery.QuotaReached: [notices.tell_quota_reached],
        delivery.EntitlementEnding: [notices.tell_entitlement_ending],
        news.OrderAccepted: [payments.release_accepted],
        news.OrderCompleted: [file_trade, book_receipt],
        OrderRefunded: [amend_filing, book_refund, end_entitlement, notices.tell_order_refunded],
    }


def _pilots() -> dict[type[Event], list[Handler]]:
    from config import pilot_notices as notices
    from exchange.brokers import services as brokers
    from exchange.pilots import events as news

    def open_handovers(event: news.PilotExited) -> None:
        brokers.open_handovers(by=event.by, at=event.at, broker_id=event.organization_id)

    return {
        news.RoundPublished: [notices.tell_round_published],
        news.PilotApplied: [notices.tell_applied],
        news.ScorerAppointed: [notices.tell_scorer_appointed],
        news.ScorerExcluded: [notices.tell_scorer_excluded],
        news.ResultAnnounced: [notices.tell_result_announced],
        news.ResultObjected: [notices.tell_result_objected],
        news.ResultConcluded: [notices.tell_result_concluded],
        news.PilotBegan: [notices.tell_pilot_began],
        news.PilotAssessed: [notices.tell_pilot_assessed],
        news.PilotDecided: [notices.tell_pilot_decided],
        news.PilotGraduated: [],
        news.PilotExited: [notices.tell_pilot_exited, open_handovers],
    }


def _brokers() -> dict[type[Event], list[Handler]]:
    from config import broker_notices as notices
    from exchange.acceptance import events as disputes
    from exchange.brokers import events as news
    from exchange.brokers import services as brokers
    from exchange.trading import events as trades
    from settlement.payments import services as payments
    from settlement.payments.events import OrderRefunded
    from settlement.payments.selectors import refunded_of
    from settlement.revenue import services as revenue

    def complete_deal(event: trades.OrderCompleted) -> None:
        brokers.complete_deal(by=event.by, at=event.at, order_id=event.order_id)

    def open_deal(event: trades.OrderPlaced) -> None:
        if event.referral:
            brokers.open_deal(
                by=event.by,
                at=event.at,
                order_id=event.order_id,
                code=event.referral,
                commission=event.commission,
            )

    def lapse_deal(event: trades.OrderCancelled) -> None:
        brokers.lapse_deal(by=event.by, at=event.at, order_id=event.order_id, reason="订单已取消")

    def lapse_returned(event: disputes.WholePriceBack) -> None:
        brokers.lapse_deal(
            by=event.by, at=event.at, order_id=event.order_id, reason="价款在放款前已全额退回需方"
        )

    def note_refund(event: OrderRefunded) -> None:
        brokers.note_refund(
            by=event.by, at=event.at, order_id=event.order_id, refunded_total=refunded_of(event.order_id)
        )

    def pay_commission(event: news.DealCompleted) -> None:
        payments.pay_commission(by=event.by, at=event.at, deal_id=event.deal_id)
        revenue.book_commission(by=event.by, at=event.at, order_id=event.order_id)

    return {
        trades.OrderPlaced: [open_deal],
        trades.OrderCompleted: [complete_deal],
        trades.OrderCancelled: [lapse_deal],
        disputes.WholePriceBack: [lapse_returned],
        OrderRefunded: [note_refund],
        news.MandateOffered: [notices.tell_offered],
        news.MandateSigned: [notices.tell_signed],
        news.MandateEnded: [notices.tell_ended],
        news.HandoverOpened: [notices.tell_handover],
        news.MatchRecorded: [notices.tell_matched],
        news.MatchAnswered: [notices.tell_answered],
        news.DealProposed: [notices.tell_deal_proposed],
        news.DealCompleted: [pay_commission, notices.tell_deal_completed],
    }


def _spaces() -> dict[type[Event], list[Handler]]:
    from config import space_notices as notices
    from exchange.catalogue.events import RevisionApplied
    from exchange.dataspace import events as news
    from exchange.dataspace import services as spaces
    from exchange.pilots.events import PilotExited

    def follow_product(event: RevisionApplied) -> None:
        spaces.follow_product(by=event.by, at=event.at, product_id=event.product_id)

    def suspend_spaces(event: PilotExited) -> None:
        spaces.suspend_spaces_of(by=event.by, at=event.at, broker_id=event.organization_id)

    return {
        RevisionApplied: [follow_product],
        PilotExited: [suspend_spaces],
        news.SpaceApplied: [notices.tell_applied],
        news.SpaceMoved: [notices.tell_moved],
        news.MemberInvited: [notices.tell_invited],
        news.MemberAnswered: [notices.tell_answered],
        news.MemberRemoved: [notices.tell_removed],
        news.RulesPublished: [notices.tell_rules],
        news.MilestoneReported: [notices.tell_reported],
        news.MilestoneDecided: [notices.tell_milestone],
        news.LandingClaimed: [notices.tell_claimed],
        news.LandingDecided: [notices.tell_landing],
    }


def _disputes() -> dict[type[Event], list[Handler]]:
    from config import notices
    from exchange.acceptance import events as news
    from exchange.delivery import services as deliveries
    from settlement.payments import services as payments

    def end_entitlement(event: news.WholePriceBack) -> None:
        deliveries.end_refunded(at=event.at, order_id=event.order_id)

    return {
        news.PriceReduced: [payments.return_reduced, notices.tell_escrow_returned],
        news.WholePriceBack: [payments.return_whole, end_entitlement, notices.tell_escrow_returned],
        news.ComplaintFiled: [notices.tell_complaint_filed],
        news.ComplaintAnswered: [notices.tell_complaint_answered],
        news.OfferDeclined: [notices.tell_offer_declined],
        news.ComplaintSettled: [notices.tell_complaint_settled],
        news.ComplaintWithdrawn: [notices.tell_complaint_withdrawn],
        news.DisputeOpened: [notices.tell_dispute_opened],
        news.RulingProposed: [notices.tell_ruling_proposed],
        news.RulingReturned: [notices.tell_ruling_returned],
        news.RulingGiven: [notices.tell_ruling_given],
        news.DeliveryReplaced: [notices.tell_delivery_replaced],
    }


def _accounts() -> dict[type[Event], list[Handler]]:
    """Orders' payments as events of both parties' accounts at /v1/; after payments have done their part."""
    from exchange.acceptance import events as disputes
    from exchange.trading import events as trades
    from settlement.ledger.events import HoldDue
    from settlement.merchant import services as merchant
    from settlement.payments import events as money
    from settlement.payments import services as payments

    def note_paid(event: trades.OrderPaid) -> None:
        merchant.note(event.order_id, "payment_intent.amount_capturable_updated", at=event.at)

    def note_released(event: money.EscrowReleased) -> None:
        merchant.note(event.order_id, "payment_intent.succeeded", at=event.at)

    def note_refunded(event: money.OrderRefunded) -> None:
        merchant.note_refund(event.refund_id, at=event.at)

    def cancel_payment(event: trades.OrderCancelled) -> None:
        ended = payments.cancel_with_order(
            by=event.by, at=event.at, order_id=event.order_id, reason=event.reason
        )
        if ended is not None:
            merchant.note(event.order_id, "payment_intent.canceled", at=event.at)

    def note_whole_back(event: disputes.WholePriceBack) -> None:
        merchant.note(event.order_id, "payment_intent.canceled", at=event.at)

    def let_authorization_go(event: HoldDue) -> None:
        merchant.let_authorization_go(at=event.at, hold_id=event.hold_id)

    return {
        HoldDue: [let_authorization_go],
        trades.OrderPaid: [note_paid],
        trades.OrderCancelled: [cancel_payment],
        money.EscrowReleased: [note_released],
        money.OrderRefunded: [note_refunded],
        disputes.WholePriceBack: [note_whole_back],
    }


def _market() -> dict[type[Event], list[Handler]]:
    from assets.profiles.events import ProfileMade
    from config import market_notices as notices
    from exchange.catalogue import searching
    from exchange.demands import events as demands
    from exchange.searches.events import SearchMatched

    def keep_quality(event: ProfileMade) -> None:
        searching.keep_facets_of_version(event.version_id)

    return {
        ProfileMade: [keep_quality],
        demands.DemandPublished: [notices.tell_demand_published],
        demands.DemandMatched: [notices.tell_demand_matched],
        demands.DemandAnswered: [notices.tell_demand_answered],
        demands.AnswerShortlisted: [notices.tell_answer_shortlisted],
        demands.MessageSent: [notices.tell_message_sent],
        demands.DemandAwarded: [notices.tell_demand_awarded],
        demands.DemandEnded: [notices.tell_demand_ended],
        demands.DemandHidden: [notices.tell_demand_hidden],
        SearchMatched: [notices.tell_search_matched],
    }


def _tenders() -> dict[type[Event], list[Handler]]:
    """Annotation contracts: an accepted project (later: an accepted lot of it) accepts lots, and money follows."""
    from django.db import transaction

    from annotation.projects.events import ProjectAccepted
    from config import tender_notices as notices
    from exchange.tenders import events as news
    from exchange.tenders import services as tenders
    from exchange.tenders import tasks
    from settlement.milestones import services as milestones

    def note_project(event: ProjectAccepted) -> None:
        tenders.note_accepted_project(by=event.by, at=event.at, project_id=event.project_id)

    def hand_items_over(event: news.EngagementStarted) -> None:
        transaction.on_commit(lambda: tasks.fill_project.delay(str(event.engagement_id)))

    def release(event: news.MilestoneAccepted) -> None:
        milestones.release_lot(by=event.by, at=event.at, milestone_id=event.milestone_id)

    def give_back(event: news.MilestoneReturned) -> None:
        milestones.return_lot(by=event.by, at=event.at, milestone_id=event.milestone_id, reason=event.reason)

    return {
        ProjectAccepted: [note_project],
        news.TenderPublished: [notices.tell_published],
        news.TenderAsked: [notices.tell_asked],
        news.TenderAnswered: [notices.tell_answered],
        news.TenderAwarded: [notices.tell_awarded],
        news.TenderEnded: [notices.tell_ended],
        news.EngagementStarted: [hand_items_over, notices.tell_started],
        news.LotDelivered: [notices.tell_delivered],
        news.LotRejected: [notices.tell_rejected],
        news.MilestoneAccepted: [release, notices.tell_accepted],
        news.MilestoneReturned: [give_back, notices.tell_returned],
        news.TerminationAsked: [notices.tell_termination_asked],
        news.EngagementEnded: [notices.tell_engagement_ended],
        news.FirmRated: [notices.tell_rated],
    }


def _risk() -> dict[type[Event], list[Handler]]:
    from config import risk_notices as notices
    from settlement.risk import events as news

    return {
        news.CaseOpened: [notices.tell_case_opened],
        news.CaseAnswered: [notices.tell_case_answered],
        news.CaseDecided: [notices.tell_case_decided],
        news.CaseReopened: [notices.tell_case_reopened],
    }


def _rewards() -> dict[type[Event], list[Handler]]:
    from assets.registry.events import CertificateLapsed
    from assets.registry.models import Certificate
    from assets.registry.states import CertificateState
    from config import notices
    from organizations.events import VerificationDecided
    from organizations.permissions import Actor
    from settlement.revenue import services as revenue
    from settlement.revenue.events import RevenueChanged
    from settlement.rewards import events as news
    from settlement.rewards import services as rewards
    from settlement.rewards.selectors import MEASURE

    def judge_again(event: CertificateLapsed) -> None:
        revoked = Certificate.objects.filter(pk=event.certificate_id, state=CertificateState.REVOKED)
        if revoked.exists():
            revenue.reassess_certificate(by=event.by, at=event.at, certificate_id=event.certificate_id)

    def review_granted(event: RevenueChanged) -> None:
        rewards.review_granted(
            by=event.by, at=event.at, firm_id=event.firm_id, year=event.year, cause=event.cause,
            measures=[MEASURE],
        )  # fmt: skip

    def review_profile(event: VerificationDecided) -> None:
        if event.is_approved:
            rewards.review_profile(
                by=Actor.system("奖励测算"),
                at=event.at,
                firm_id=event.organization_id,
                cause="单位资料重新核实",
            )

    return {
        CertificateLapsed: [judge_again],
        RevenueChanged: [review_granted],
        VerificationDecided: [review_profile],
        news.StatementDrafted: [notices.tell_statement_drafted],
        news.ObjectionAnswered: [notices.tell_reward_objection_answered],
        news.ReviewDue: [notices.tell_review_due],
        news.RulesMoved: [notices.tell_rules_moved],
        news.NoticeExtended: [notices.tell_notice_extended],
        news.ClaimReturned: [notices.tell_claim_returned],
        news.ClaimRejected: [notices.tell_claim_rejected],
        news.AwardGranted: [notices.tell_award_granted],
        news.AwardPaid: [notices.tell_award_paid],
        news.PaymentReturned: [notices.tell_payment_returned],
        news.ClaimReopened: [notices.tell_claim_reopened],
        news.RecoveryConfirmed: [notices.tell_recovery_confirmed],
        news.RecoveryLifted: [notices.tell_recovery_lifted],
        news.DeclarationMade: [],
        news.DeclarationDecided: [notices.tell_declaration_decided],
        news.ParkApplied: [notices.tell_park_applied],
        news.ParkDecided: [notices.tell_park_decided],
    }


def _invoices() -> dict[type[Event], list[Handler]]:
    from config import money_notices as notices
    from settlement.invoicing import events as news
    from settlement.invoicing.models import Invoice
    from settlement.payruns import events as pay
    from settlement.revenue import services as revenue

    def book_credits(event: news.InvoiceIssued | news.InvoiceVoided) -> None:
        order_id = Invoice.objects.values_list("order_id", flat=True).get(pk=event.invoice_id)
        revenue.book_credits(by=event.by, at=event.at, order_id=order_id)

    return {
        news.InvoiceWished: [notices.tell_invoice_wished],
        news.InvoiceIssued: [book_credits, notices.tell_invoice_issued],
        news.InvoiceVoided: [book_credits, notices.tell_invoice_voided],
        pay.RunPaid: [notices.tell_run_paid],
        pay.ItemReturned: [notices.tell_item_returned],
    }


def connect() -> None:
    """Called once when Django is ready."""
    from annotation.intake import predicting
    from annotation.work import selectors as work
    from config import shell

    events.wire(handlers())
    known = predicting.Labelling(work.accepted_examples, work.accepted_count, work.waiting_items)
    predicting.use(known)
    shell.fill()
