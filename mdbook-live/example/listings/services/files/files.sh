# Says which of its arguments are files, and ends with 2 where one is none.

status=0
for name in "$@"; do
    if [ -f "$name" ]; then
        echo "$name: a file"
    else
        echo "$name: no such file" >&2
        status=2
    fi
done
exit "$status"
