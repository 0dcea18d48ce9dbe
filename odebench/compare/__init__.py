"""Two runs, held against each other cell by cell: ``odebench compare A B``.

Cells are joined by the hash of their configuration, and every metric that both have gets a verdict: *improved*,
*regressed*, *same*, or *not comparable* with the reason. What kind a metric is, and which direction is better, is
the table of :mod:`odebench.compare.metrics`. The rules are made so that the same code, run again on the same
machine, is *same* everywhere, and as little else as can be.

**Status.** A cell that no longer ends well has regressed, one that now does has improved, and its other metrics are
not compared. Two that fail in one way are the same, in two ways not comparable; nor is what ran out of time
or memory on another machine, or on another version of the task. A figure that is no number is worse than any.

**Counters** (NFE, products, steps) are compared exactly, whatever the machines.

**Errors** are compared as they are told, and never below what they mean: both are lifted to how far either run's
references are apart, and to a unit in the last place of the dtype. Run again, every digit comes out the same; a
change of the order of sums moves the last ones, which are no news. So two errors are the same where six digits
agree, but for four units in the last place of what they are errors of (1e-15 in float64, 5e-7 in float32); on
another processor, with other threads or another version of the framework, where they agree to 1 %, but for 16 such
units. (What was measured: 159 cells of ``gradients/quick``, run at two commits, agreed in every bit.)

**Outcomes** of a training (test errors, likelihoods) are compared likewise on the same arithmetic, and are not
comparable on another: training magnifies a rounding to whatever it likes.

**Bytes** are the same within 0.1 %: an interpreter's own objects come and go (52 of 89,204 bytes were seen to).

**Times** are compared only where processor, cores, memory, threads and flags are the same. Samples were taken in
turns with the rivals' of their run, but the two runs were not taken in turns with each other, and machines drift.
So

1. ``B/A`` of the medians gets a bootstrap interval (95 %; of three to five samples it is about the range of what
   was seen);
2. the drift is estimated: the median ratio of all times of the same group of rivals (those that were taken in
   turns) where there are eight or more, else of the whole run;
3. the scatter is: the robust standard deviation of the ratios about their drift, which no interval from within one
   run can know;
4. a time regressed where its whole interval is beyond the band both as it is and relative to the drift; the band is
   5 %, or four scatters if that is more. With fewer than eight times to tell a drift from it is a factor of 2.

What all cells share, a slower harness say, is thus seen as a drift, which is reported, and not as a regression; and
a busy machine makes the band wide instead of the verdicts many. (``gradients/quick`` once more: B took 0.74 of A's
time, single cells 0.51 to 1.13, and none was told to have changed.)

A time of one value (``compile_s``, ``first_call_s``, ``train_s``, ``overhead``) must be another by a factor of 2
and 0.1 s, a first call by 4 and 0.5 s, a peak of the resident set by 25 % and 1 MB, relative to their drift, too.

**Other version of the task.** A run says for each task which code it measured
(:func:`odebench.environment.task_versions`). Where two runs differ in that, no figure of the task is comparable;
where one does not say, they are compared and a note says so. Other versions of libraries are no obstacle: they are
the news.

**What fails.** ``--fail-on regressed`` heeds statuses, counters, errors, outcomes and bytes. Times and peaks
advise, and fail only where they are named. A status fails whichever metric is named: with the cell it is lost, too. A
name that no cell has is an error, for it could never fail. ``gone`` are cells of a suite and preset that both have run.
"""
