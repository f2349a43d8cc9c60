"""The straight line from a dataset to the verdicts of judges on it.

read -> pairs (or single answers) -> whose relatives judge? -> ask, keep -> verdicts.jsonl -> tell

How judges are asked is `judging.running`; what their verdicts are worth is asked by `auditor judge audit`.
"""

from __future__ import annotations

from auditor.asking.polling import Poll, Wanted, needed, poll
from auditor.asking.questioning import STORE, Asked, ask, estimates
from auditor.asking.telling import decided, tell, tell_accepted

__all__ = ["STORE", "Asked", "Poll", "Wanted", "ask", "decided", "estimates", "needed", "poll", "tell", "tell_accepted"]
