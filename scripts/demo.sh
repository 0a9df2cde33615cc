#!/bin/sh
# Builds pointmill, runs the command and a C program on a month of flights, and compares both with
# each other and with exact percentiles. Then a Lambda function in C writes its metrics as log lines
# and sends them to a local intake, and the forwarder makes metrics of sample logs. Fails if programs
# differ, an error exceeds 1/129, or a point of the function is missing.
set -eu
cd "$(dirname "$0")/.."

if ! command -v "${CC:=cc}" >/dev/null 2>&1; then
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
        echo "== no C compiler: installing gcc"
        apt-get update -qq
        apt-get install -y -qq gcc libc6-dev >/dev/null
        CC=gcc
    else
        echo "demo: no C compiler ($CC); install one, or name it: CC=clang make demo" >&2
        exit 1
    fi
fi

target=${CARGO_TARGET_DIR:-target}
demo=$target/demo
flights=$demo/flights.csv
pointmill=$target/release/pointmill
mkdir -p "$demo"

# Seconds since a long time ago, with a fraction where the system's date has one.
now() { date +%s.%N | sed 's/\.%*N$//'; }
# rate POINTS START END: points a second, in millions.
rate() {
    awk -v n="$1" -v a="$2" -v b="$3" \
        'BEGIN { s = b - a; if (s <= 0) s = 1e-3; printf "%d points in %.3f s, %.2f M points/s", n, s, n / s / 1e6 }'
}

echo "== building"
# With npm the command carries its intake's page.
if command -v npm >/dev/null 2>&1; then cargo xtask web; fi
cargo build --release --quiet --package pointmill-cli --package pointmill-capi
cargo build --release --quiet --package pointmill-cli --example exact

echo "== unpacking"
# The C program reads plain CSV; the command would read the packed file as well.
gzip -dc testdata/flights-2001-01.csv.gz >"$flights"
points=$(($(wc -l <"$flights") - 1))
echo "$points flights in $flights"

run() { # run METRIC VALUE [OPTION…]
    metric=$1 value=$2
    shift 2
    "$pointmill" report --input csv --name "$metric" --value "$value" --time unix_s \
        --tags origin,destination --by origin "$@" "$flights"
}

echo
echo "== pointmill report: the ten busiest origins"
run flight.delay delay_min --top 10
echo
run flight.distance distance_mi --top 10
echo
echo "== and the busiest one's delays drawn"
run flight.delay delay_min --top 1 --plot

echo
echo "== the command, all origins"
start=$(now)
run flight.delay delay_min --format csv >"$demo/command-delay.csv"
end=$(now)
echo "flight.delay     $(rate "$points" "$start" "$end") (process start to end)"
start=$(now)
run flight.distance distance_mi --format csv >"$demo/command-distance.csv"
end=$(now)
echo "flight.distance  $(rate "$points" "$start" "$end") (process start to end)"

echo
echo "== the C program, linked with libpointmill.so"
library=$(cd "$target/release" && pwd)/libpointmill.so
# The program asks for the library by its soname, under which an installation would have it.
soname=$(readelf -d "$library" | sed -n 's/.*(SONAME).*\[\(.*\)\]/\1/p')
ln -sf "$library" "$demo/${soname:-libpointmill.so}"
"$CC" -std=c11 -O2 -Wall -Wextra -Iinclude crates/pointmill-capi/examples/flights.c \
    -o "$demo/flights" "$library" -lm
start=$(now)
LD_LIBRARY_PATH="$demo" "$demo/flights" "$flights" >"$demo/c.csv"
end=$(now)
echo "both metrics     $(rate $((2 * points)) "$start" "$end") (process start to end)"

echo
echo "== both against exact percentiles"
exact=$target/release/examples/exact
"$exact" "$flights" delay_min origin flight.delay 5 "$demo/command-delay.csv" "$demo/c.csv"
"$exact" "$flights" distance_mi origin flight.distance 5 "$demo/command-distance.csv" "$demo/c.csv"
echo "== the command and the C program agree, and every percentile is within 1/129"

# One intake for all that follows.
"$pointmill" intake --listen 127.0.0.1:0 --retention 0 2>"$demo/intake.txt" &
intake=$!
trap 'kill "$intake" 2>/dev/null || :' EXIT
for _ in 1 2 3 4 5 6 7 8 9 10; do
    intake_url=$(sed -n 's/^pointmill: listening on \(.*\)\/$/\1/p' "$demo/intake.txt")
    [ -z "$intake_url" ] || break
    sleep 0.5
done
if [ -z "$intake_url" ]; then
    cat "$demo/intake.txt" >&2
    exit 1
fi

echo
echo "== a Lambda function in C, log mode: a line a point, as the forwarder takes them"
"$CC" -std=c11 -O2 -Wall -Wextra -Iinclude crates/pointmill-capi/examples/lambda.c \
    -o "$demo/lambda" "$library" -lm
invoke() { # invoke VARIABLE=VALUE…: the function's three invocations, without this shell's settings
    env -i LD_LIBRARY_PATH="$demo" AWS_REGION=eu-west-3 "$@" "$demo/lambda"
}
invoke DD_FLUSH_TO_LOG=true >"$demo/lambda.log"
sed -n '2,4p' "$demo/lambda.log"
echo "… $(wc -l <"$demo/lambda.log" | tr -d ' ') lines; of these the forwarder makes"
"$pointmill" forward --dry-run --by size --function barista "$demo/lambda.log" 2>&1

echo
echo "== the same function, HTTP mode: sketches to pointmill intake, and asked for there"
invoke DD_API_KEY=demo DATADOG_HOST="$intake_url" >/dev/null
"$pointmill" query coffee.seconds --url "$intake_url" --agg count,min,p50,p95,max --by size
arrived=$("$pointmill" query coffee.seconds --url "$intake_url" --agg count --format csv | tail -n 1)
case $arrived in 300 | 300.0) ;; *) echo "demo: 300 points were sent, there are: $arrived" >&2 && exit 1 ;; esac

echo
echo "== pointmill forward: sample logs of Lambda functions to metrics, nothing sent"
(
    cd testdata/forwarder
    case $pointmill in /*) ;; *) pointmill=../../$pointmill ;; esac
    "$pointmill" forward --dry-run --by functionname --region eu-west-3 --account-id 210987654321 \
        --functions functions.json cloudwatch.json 2>&1
    echo
    "$pointmill" forward --dry-run --by functionname --function checkout python.log 2>&1
    echo
    "$pointmill" forward --dry-run --by function_name --function Shop-Api monitoring.log 2>&1
)

echo
echo "== the intake's page: the flights and a function's logs"
scripts/demo-page.sh "$pointmill" "$demo" "$intake_url"
if [ "${KEEP:-}" = 1 ]; then
    echo "Ctrl-C ends the intake"
    wait "$intake"
fi
