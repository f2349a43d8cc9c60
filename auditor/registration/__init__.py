"""Registering a version: read, look up its sources, version with DVC, write the card, tell the trackers.

The card in git is the truth and is written once, whole; what comes before it can be done again, and what
comes after it is done by the next run where it was interrupted. Here is no judging and no rendering.
"""

from __future__ import annotations

from auditor.registration.checkouts import checkout
from auditor.registration.publishing import fields, publish, publish_all
from auditor.registration.registering import register
from auditor.registration.request import Registration, Request
from auditor.registration.standing import record_verdict, touched, trained, trained_in_mlflow, withdraw

__all__ = [
    "Registration",
    "Request",
    "checkout",
    "fields",
    "publish",
    "publish_all",
    "record_verdict",
    "register",
    "touched",
    "trained",
    "trained_in_mlflow",
    "withdraw",
]
