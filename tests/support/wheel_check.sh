#!/bin/sh
# The built wheel must work away from this repository: installed in a new environment, in another folder,
# it runs the whole demo and ends with success only if every injected fault had its alarm and its receipt.
set -eu

python=${1:-python3}
here=$(pwd)
away=$(mktemp -d)
trap 'rm -rf "$away"' EXIT
trap 'exit 130' INT TERM

"$python" -m venv "$away/venv"
"$away/venv/bin/python" -m pip install -q --require-hashes -r "$here/requirements.lock"
"$away/venv/bin/python" -m pip install -q --no-deps "$here"/dist/riskgate-*.whl
"$away/venv/bin/python" -m pip check
cd "$away"
where=$("$away/venv/bin/python" -c 'import gateway; print(gateway.__file__)')
case $where in
    "$away"/*) ;;
    *) echo "wheel-check: gateway was imported from $where, not from the wheel" >&2; exit 1 ;;
esac
"$away/venv/bin/riskgate" --data "$away/data" demo --for 40
echo "wheel-check: the installed wheel ran the demo"
