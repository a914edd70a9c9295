"""What things cost: a price book as data, bills of what stands, invoices of what was. Exact decimals throughout."""

from qke_core.billing.beside import beside
from qke_core.billing.bill import Bill, Line, bill, cents, contract_month, hourly, plain
from qke_core.billing.contract import downgrade_refund, term_for, upgrade_fee
from qke_core.billing.invoice import Charge, Invoice, Life, fees, invoice, price_of
from qke_core.billing.prices import PriceBook, default_prices

__all__ = [
    "Bill",
    "Charge",
    "Invoice",
    "Life",
    "Line",
    "PriceBook",
    "beside",
    "bill",
    "cents",
    "contract_month",
    "default_prices",
    "downgrade_refund",
    "fees",
    "hourly",
    "invoice",
    "plain",
    "price_of",
    "term_for",
    "upgrade_fee",
]
