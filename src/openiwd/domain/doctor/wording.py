"""The doctor's sentences in English, by kind of finding: what is wrong, and the fix. The UI has both."""

from __future__ import annotations

from typing import Final

_STARVING: Final = (
    "Items on the schema {object} can starve: their priority never passes {highest}, that of {other} never falls below"
    " {lowest}, and the same agents serve both."
)
_LATE_AT_OPENING: Final = (
    "The SLA {sla} of the schema {object} ends while the queue {queue} is closed: what comes at {closes} is overdue"
    " before it opens at {opens}."
)
WORDING: Final[dict[str, tuple[str, str]]] = {
    # work and people
    "nobodyEver": (
        "No active agent can take these items of {queue}, whatever relaxation adds. Asked for: {needs}. Waiting: {n}.",
        "Give an agent of the queue's groups what is asked for, add a group to the queue, or relax the requirement.",
    ),
    "nobodyThisWeek": (
        "None of those who can take these items of {queue} works within seven days. Asked for: {needs}. Waiting: {n}.",
        "See to a substitute, correct working hours or absences, or relax the requirement for the time.",
    ),
    "nobodyNow": (
        "Nobody who is logged in can take these items of {queue}. Asked for: {needs}. Waiting: {n}.",
        "Have one of the agents who can take them log in, or add a group to the queue.",
    ),
    "noQueue": (
        "Items wait in the queue {queue}, which the live rule set does not have: {n}.",
        "Bring the queue back, or have the items judged again.",
    ),
    "agentTakesNothing": (
        "The agent {agent} can take items of no category: groups, skills or capacity leave nothing.",
        "Put the agent into a group that a queue serves, add the skills that are asked for, or raise the capacity.",
    ),
    "queueWithoutAgents": (
        "No active agent belongs to a group that the queue {queue} serves.",
        "Put agents into its groups, or let it serve other groups.",
    ),
    "skillOfNobody": (
        "No active agent has the skill {skill}, and {rules} places of the rule set ask for it.",
        "Give the skill to agents, or ask for another one.",
    ),
    "skillUnused": (
        "Nothing asks for the skill {skill}.",
        "Use it in a requirement, or remove it.",
    ),
    "groupUnused": (
        "No queue serves the group {group}.",
        "Let a queue serve it, or remove it.",
    ),
    "overdueWaiting": (
        "Items of the queue {queue} wait past their due date: {n}.",
        "See to more agents for the queue, raise the priority of its schema, or correct the due dates.",
    ),
    "errorheld": (
        "Items are held by an error: {n}. The error says: {error}",
        "Mend what the error names (a rule, a lookup table, the source's data), then resume the items.",
    ),
    # rules
    "ruleNeverMatches": (
        "{object} matches no item: its conditions contradict each other.",
        "Correct the conditions, or remove it.",
    ),
    "ruleShadowed": (
        "{object} is never reached: what stands before it takes all of its items.",
        "Move it up, or narrow what stands before it.",
    ),
    "ruleOverlap": (
        "{object} overlaps with {other}, which stands before it and takes the items that match both.",
        "If that is not meant so, narrow one of them, or change their order.",
    ),
    "ruleUndecided": (
        "Whether items reach {object} cannot be told from its conditions.",
        "Try it with example items.",
    ),
    "ruleMixedTypes": (
        "Conditions take {object} for values of several types ({types}): an item with one of them is held by an error.",
        "Declare the attribute with its type, or correct the conditions.",
    ),
    "gap": (
        "Some items reach no category, and are held by an error.",
        "Name a default category, or end with a category without conditions.",
    ),
    "gapUndecided": (
        "Whether every item reaches a category cannot be told from the conditions.",
        "Name a default category, or end with a category without conditions.",
    ),
    "starvation": (
        _STARVING,
        "Let the curve rise on, or lower the other one.",
    ),
    "slaWithinClosing": (
        _LATE_AT_OPENING,
        "Let the schema's clock be the queue's calendar, or make the SLA longer.",
    ),
    "categoryNobody": (
        "No active agent can take items of {object}, whatever relaxation adds.",
        "Give an agent of the queue's groups the skills, or relax the requirement.",
    ),
    "categoryNobodyThisWeek": (
        "Of the agents who can take items of {object} none works within seven days: {able} could.",
        "See to a substitute, or relax the requirement for the time.",
    ),
    "attributeUnused": (
        "No rule reads {object}, and it is neither searchable nor a report dimension.",
        "Use it, or remove it.",
    ),
    "schemaUnused": ("No category leads to the schema {object}.", "Use it, or remove it."),
    "queueUnused": ("No category leads to the queue {object}.", "Use it, or remove it."),
    "draftOld": (
        "The draft {draft} has not been changed for {days} days.",
        "Publish it, or discard it.",
    ),
    "noRuleSet": (
        "No rule set is published: items cannot be taken in.",
        "Publish one.",
    ),
    # processes, leases, log
    "noDecider": (
        "No process decides: nothing is offered, pulled or assigned.",
        "Start a process that distributes (openiwd serve or openiwd distribute), and look into its log.",
    ),
    "deciderLags": (
        "The picture that decisions are made from is {events} events behind the log.",
        "Look for what keeps the deciding process busy, or for a database that answers slowly.",
    ),
    "claimsFail": (
        "Claims of the decider come back without a grant, batch after batch: {batches}.",
        "Look into the log of the deciding process; another process may decide as well.",
    ),
    "offersExpired": (
        "Offers whose time is over are still open: {n}.",
        "Timers run in the process that decides: see whether it does, and into its log.",
    ),
    "timersLate": (
        "Items should have been woken, activated or released {seconds} s ago.",
        "Timers run in the process that decides: see whether it does, and into its log.",
    ),
    "agentsStranded": (
        "Agents are logged in with a process that is gone: {n}.",
        "They become not ready by themselves; if not, no process decides.",
    ),
    "processGone": (
        "A process ({kind}, {address}) has not renewed its lease for {seconds} s.",
        "Look whether it has crashed or is frozen; its row goes after a day.",
    ),
    "clockSkew": (
        "The clock of a process ({kind}, {address}) and that of the database differ by {seconds} s.",
        "Have the machines' clocks set by NTP.",
    ),
    "pastLags": (
        "The past of the queues is read from the log up to {events} events before its end.",
        "It is read on by the process that decides; after an upgrade with a long log that takes a while.",
    ),
    "logDiffers": (
        "Items whose revision is not that of their last event: {n} of {looked} looked at.",
        "Keep the database as it is, make a copy, and tell the makers: items change with their event or not at all.",
    ),
    "logGap": (
        "The last {looked} positions of the event log have gaps: {n} are missing.",
        "Keep the database as it is, make a copy, and tell the makers: positions have no gaps.",
    ),
    "bulkStuck": (
        "The bulk run {bulk} was begun {minutes} minutes ago and has {left} items to go.",
        "See its page; cancel it, or restart the process that runs it.",
    ),
    # database
    "databaseDead": (
        "A quarter or more of the table {table} are rows that nobody sees any more: {dead} of {rows}.",
        "See that autovacuum runs and keeps up, or run VACUUM on it; look for long transactions.",
    ),
    "databaseTransaction": (
        "A transaction has been open in the database for {seconds} s ({application}).",
        "End what holds it: it keeps dead rows from being removed.",
    ),
    "databaseConnections": (
        "{used} of the server's {most} connections are in use.",
        "Lower the processes' connection budgets, or raise max_connections.",
    ),
    "databaseWraparound": (
        "Transaction ids: {age} have passed since the oldest row was frozen; at two thousand million the server stops.",
        "Let VACUUM (FREEZE) run on the database.",
    ),
    "databaseIndex": (
        "The index {index} is not valid.",
        "REINDEX INDEX CONCURRENTLY, or drop it and let the migration make it again.",
    ),
    "databaseAutovacuum": (
        "Autovacuum is switched off.",
        "Set autovacuum = on.",
    ),
    "databaseSize": ("The tenant's database takes {size}.", "Nothing needs to be done."),
    "diskFull": (
        "The disk of the data folder has {free} left, {percent} % of it.",
        "Free space, or move the data folder to a larger disk: a full disk stops everything.",
    ),
    "redisAway": (
        "Redis has not answered this process for {seconds} s.",
        "See to Redis and the way to it. Nothing is lost: limits count by process, others are heard a second later.",
    ),
    # what belongs to it
    "keyExpires": (
        "The API key {key} ends in {days} days.",
        "Make another key, give it to who uses this one, then revoke it.",
    ),
    "keyExpired": (
        "The API key {key} has ended and was in use before.",
        "Make another key if it is still needed, else revoke it.",
    ),
    # external routers
    "routerNotConfigured": (
        "Queues are routed by GWS, and the connection to it is not configured or not enabled: {queues}.",
        "Configure the connection (PUT /iwd/v3/integrations/gws), or set the queues' routing target to native.",
    ),
    "routerLeftItems": (
        "The connection to GWS is off, and items may still be there: {n}. Nobody is given them.",
        "Enable the connection until they are recalled; set their queues to native before, if GWS is to get no more.",
    ),
    "routerAway": (
        "GWS has not answered for {minutes} minutes: {error}",
        "See to GWS and the way to it. Nothing is lost: the items wait here and are submitted once it is back.",
    ),
    "routerRefuses": (
        "GWS has refused items lately: {n}. Each is tried again a quarter of an hour later.",
        "Look at the submissions for what it says, and mend the items or the service's configuration there.",
    ),
    # what brings work in, and what reports on it
    "captureUnread": (
        "No process has read the capture point {point} for {minutes} minutes.",
        "Start openiwd capture or openiwd serve where its source can be reached.",
    ),
    "captureAway": (
        "The source of the capture point {point} has not been readable for {minutes} minutes: {error}",
        "See to the source and the way to it. Nothing is lost: it is read on from where it was left.",
    ),
    "captureErrors": (
        "Records that could not be taken wait in error inboxes: {n}.",
        "Correct the mapping or the source, then try them again, or discard them.",
    ),
    "mailboxUnserved": (
        "No email service serves the mailbox {mailbox}.",
        "Start openiwd email with the tenant's key.",
    ),
    "mailboxInDown": (
        "The mailbox {mailbox} has not been readable for {minutes} minutes: {error}",
        "Test the connection on the mailbox's page: it says what exactly fails.",
    ),
    "mailboxOutDown": (
        "Nothing can be sent from the mailbox {mailbox} for {minutes} minutes: {error}",
        "Test the connection on the mailbox's page: it says what fails. What is written waits and is tried again.",
    ),
    "emailsUnknown": (
        "Nobody can prove whether these emails were sent: {n}.",
        "Decide for each whether it is sent again.",
    ),
    "martEmpty": (
        "The data mart has not read the event log to its end yet.",
        "Start openiwd datamart serve, or wait until its first run has ended.",
    ),
    "martStale": (
        "The data mart last read the event log to its end {minutes} minutes ago: reports end there.",
        "See whether openiwd datamart serve runs and what its log says.",
    ),
    "martFails": (
        "The data mart's latest run failed: {error}",
        "It is tried again by itself; if it stays, see to what the error says.",
    ),
    "martUnbalanced": (
        "The data mart does not balance with its facts: {detail}",
        "Rebuild it: openiwd datamart run --chain full.",
    ),
    "notInstalled": ("{area}: not installed here.", "Nothing needs to be done."),
    "checkFailed": (
        "The check {name} could not be made: {reason}",
        "Ask again in a moment; if it stays, look into the log of the process and at the database's load.",
    ),
}
