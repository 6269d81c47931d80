# The rule 'documented' of check.py.
exec python3 "$MS_SRC/tests/lint/check.py" documented
