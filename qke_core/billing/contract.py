"""Changing a contract: what a larger cluster costs on top, what a smaller one gives back.

Rule: yunify/qingcloud-docs, billing centre, contracts; docs/rules/billing.md#contracts. Monthly prices are those on
demand, before any discount.
"""

from __future__ import annotations

from decimal import Decimal

from qke_core.billing.bill import TERM_MONTHS, cents, discount
from qke_core.billing.prices import PriceBook
from qke_core.models.money import Billing, Term


def term_for(months: Decimal) -> Term:
    """Return the longest term that is not longer than the months that remain; the shortest there is for less."""
    fitting: list[Term] = [term for term, length in TERM_MONTHS.items() if length <= months]
    return fitting[-1] if fitting else "1m"


def upgrade_fee(old_month: Decimal, new_month: Decimal, remaining_months: Decimal, prices: PriceBook) -> Decimal:
    """Return what is paid to enlarge a contract: price difference x remaining months x discount of the nearest term.

    Args:
        old_month: CNY per month on demand of what is under contract.
        new_month: CNY per month on demand of what shall be.
        remaining_months: months left; a fraction for days.
        prices: the book with the discounts.
    Returns:
        CNY, rounded to the cent; 0 when nothing becomes dearer.
    """
    if new_month <= old_month:
        return Decimal("0.00")
    return _amount(new_month - old_month, remaining_months, prices)


def downgrade_refund(old_month: Decimal, new_month: Decimal, remaining_months: Decimal, prices: PriceBook) -> Decimal:
    """Return what is given back when a contract shrinks: the same the other way, never below 0."""
    if new_month >= old_month:
        return Decimal("0.00")
    return _amount(old_month - new_month, remaining_months, prices)


def _amount(difference: Decimal, remaining_months: Decimal, prices: PriceBook) -> Decimal:
    factor = discount(prices, Billing(mode="contract", term=term_for(remaining_months)))
    return cents(difference * remaining_months * factor)
