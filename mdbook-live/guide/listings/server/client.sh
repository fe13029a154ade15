# A connection as descriptor 3, which bash itself opens.
exec 3<>/dev/tcp/127.0.0.1/7879
echo Ada >&3
cat <&3
