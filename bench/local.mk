# bench: adapters for load rigs, and what was measured.
EXTRA_DIST += bench/adapters/mta.sh bench/adapters/access.sh bench/RESULTS
