#!/bin/sh
# demo-page.sh POINTMILL FOLDER URL: sends the flights and a function's log to the intake at URL, and takes a
# picture of its page where there is a Chromium.
set -eu
pointmill=$1 folder=$2 url=$3

"$pointmill" replay --url "$url" --name flight.delay --value delay_min --time unix_s \
    --tags origin,destination testdata/flights-2001-01.csv.gz
"$pointmill" replay --url "$url" --name flight.distance --value distance_mi --time unix_s \
    --tags origin,destination testdata/flights-2001-01.csv.gz
DD_API_KEY=demo0123456789demo0123456789demo "$pointmill" forward --url "$url" --show none --logs none \
    --function checkout --region eu-west-3 --account-id 210987654321 testdata/forwarder/python.log
"$pointmill" query --url "$url" flight.delay --agg count,p50,p95,p99 --by origin --limit 5

chromium=
for name in chromium chromium-browser google-chrome; do
    if command -v "$name" >/dev/null 2>&1; then
        chromium=$name
        break
    fi
done
if ! "$pointmill" report --html "$folder/flights.html" --name flight.delay --value delay_min --time unix_s \
    --tags origin,destination --by origin --top 1 testdata/flights-2001-01.csv.gz >/dev/null 2>/dev/null; then
    echo "no page: this pointmill was built without npm; the query API at $url/v1/metrics has everything"
elif [ -z "$chromium" ]; then
    echo "no picture: Chromium is not installed"
    echo "the same charts in one file: $folder/flights.html"
else
    picture=$folder/intake.png
    # A browser that hangs does not hold up the demo.
    timeout 120 "$chromium" --headless --no-sandbox --disable-gpu --no-first-run --disable-background-networking \
        --hide-scrollbars --window-size=1400,1500 --timeout=20000 --virtual-time-budget=20000 \
        --user-data-dir="$folder/chromium" --screenshot="$picture" \
        "$url/#metric=flight.delay&agg=count,p50,p95&by=origin" >/dev/null 2>&1 || true
    if [ -s "$picture" ]; then
        echo "a picture of the page: $picture"
    else
        echo "no picture: $chromium made none"
    fi
    echo "the same charts in one file: $folder/flights.html"
fi
echo "the page: $url/ as long as the intake runs; KEEP=1 make demo leaves it running, and so does"
echo "    $pointmill intake    # http://127.0.0.1:8126/, filled by pointmill replay, see docs/CLI.md"
