"""Claims of the literature, as data: what each says, the runs that decide it, and the rule by which they do.

A claim is a file, ``suites/<suite>/claims/<name>.toml``::

    number = 12                       # in the original paper's table of claims; left out for others
    statement = "Augmenting the state lowers the number of evaluations."
    source = "Dupont et al. 2019, §5.3"
    documents = ["002: ANODE, a(0)=0"] # items of odebench/claims/checklist.toml that it tests
    later = "Confirmed by Vanni et al."
    preset = "quick"                  # of the suite: what makes the records

    [[check]]                         # all of them must hold
    says = "evaluations over those of the rival"
    statistic = "value"
    y = "nfe_forward"
    where = { task = "anode/spheres", option_augment = 5 }
    against = { task = "anode/spheres", option_augment = 0 }
    require = { reconstruction_error = "< 0.1" }
    rule = "< 1"
    random = true

Every key of a check is explained at :class:`odebench.claims.model.Check`, every statistic in
:mod:`odebench.claims.statistics`. The statistic is taken of the records of a group (``per``) and a seed. Where the
seed changes it (``random``), the 95 % t-interval of its mean over at least three seeds decides; else its range over
the seeds there are, be it one. Wholly inside the rule the check *holds*, wholly outside it *does not hold*, and all
else is *not decided*, with the reason. A claim holds if every check does for every group, and does not hold if one
does not for one.

The newest run of the whole preset decides; one that ``--only`` or ``--backend`` narrowed does where there is no other,
and is said to be so.
"""
