"""Writes receipts of evaluations, and recomputes evaluations to verify them."""

from jaxseg.receipts.comparison import Comparison as Comparison
from jaxseg.receipts.receipt import Receipt as Receipt
from jaxseg.receipts.receipt import read_receipt as read_receipt
from jaxseg.receipts.receipt import write_receipt as write_receipt
from jaxseg.receipts.verification import Place as Place
from jaxseg.receipts.verification import verify as verify
