# SPDX-License-Identifier: GPL-2.0-or-later
#
# Reads the TAP of one program and prints "PASSED FAILED SKIPPED", then a line "skip WHAT: WHY" per
# skip and "fail WHY" per fault of the program itself. -v status=: its exit status.
BEGIN { plan = -1; passed = failed = skipped = 0 }
/^1\.\.[0-9]+/ {
    plan = substr($1, 4) + 0
    if (plan == 0 && match($0, /# *SKIP */)) {
        note[++notes] = "skip all: " substr($0, RSTART + RLENGTH)
        skipped++
        whole = 1
    }
}
/^ok/ {
    ran++
    if (match($0, /# *SKIP */)) {
        why = substr($0, RSTART + RLENGTH)
        what = substr($0, 1, RSTART - 1)
        sub(/^ok [0-9]* *-? */, "", what)
        sub(/^[^:]*:/, "", what)
        sub(/ +$/, "", what)
        note[++notes] = "skip " what ": " why
        skipped++
    } else
        passed++
}
/^not ok/ { ran++; failed++ }
/^Bail out!/ { bailed = 1 }
END {
    if (bailed)
        fault[++faults] = "bailed out"
    else if (plan < 0)
        fault[++faults] = "printed no plan"
    else if (ran < plan)
        fault[++faults] = "planned " plan " tests and printed " (ran + 0) " results"
    else if (plan == 0 && !whole)
        fault[++faults] = "has no tests"
    if (status == 124 || status == 137)
        fault[++faults] = "was killed (time was up, or a signal)"
    else if (status == 125)
        fault[++faults] = "left something behind (see its stderr)"
    else if (status != 0 && failed == 0)
        fault[++faults] = "exit status " status
    if (faults)
        failed++
    print passed, failed, skipped
    for (i = 1; i <= notes; i++)
        print note[i]
    for (i = 1; i <= faults; i++)
        print "fail " fault[i]
}
