"""Registrations, audits and the work of judges as OpenLineage RunEvents: plain data, ready to be kept or sent.

Each is the COMPLETE event of a run and says everything; the START event that the specification wants
before it is made from it by `transport.started`. Only RunEvents are made: consumers in the field refuse events of
datasets and of jobs. Run ids are derived from what is told, so that telling it twice is one run.

Imports the OpenLineage client (0.4 s): import it where it is used.
Here is nothing about where events go (`trackers.transport`), and no schema of OpenLineage's: their own
classes make and check the events.
"""

from auditor.trackers.openlineage.auditing import audit_event
from auditor.trackers.openlineage.generation import registration_event
from auditor.trackers.openlineage.judging import accepting_event, judging_event

__all__ = ["accepting_event", "audit_event", "judging_event", "registration_event"]
