"""The file of settings as `ami init` writes it: every setting, what it is for and what holds without it."""

from __future__ import annotations

TEMPLATE = """\
# Điện kế: the settings of this installation. The environment (AMI_…) wins over this file.

[office]
name = "Hợp tác xã điện"      # on bills, pages and the sign-in; so are the three below, where they are given
hotline = ""                  # telephone
address = ""
tax_code = ""                 # MST, 10 digits (a branch's: and - and three more)
# bank_bin = "970416"         # the bank's six digits at NAPAS; with bank_account bills bear a code to pay by
# bank_account = "257678859"
# bank = "ACB"                # its name, and the holder's, as they stand below that code
# bank_holder = "HTX DIEN BINH MINH"
# second_person = true        # bills go out only after a second person approved their run (ami bill approve)
language = "en"               # en or vi: in which `ami` explains bills held and alerts; pages have their own

[einvoice]
# series = "C26TDK"           # registered for the year: C or K, the year, T and two letters (docs/billing.md)
# provider_tax_code = "0100109106"  # MST of whose program signs and sends e-invoices

[web]
host = "127.0.0.1"            # 0.0.0.0 to serve the local network; then set the two TLS files
port = 8050
# tls_certificate = "/etc/ssl/…/fullchain.pem"
# tls_key = "/etc/ssl/…/privkey.pem"

[collector]
# node = "north"              # among several head-ends at one database; without it the host's name
listen_host = "127.0.0.1"     # where modems that dial in connect to; 0.0.0.0 for all networks
listen_port = 4059
# listen_tls_port = 4060      # for modems that speak TLS; with it the two files
# listen_tls_certificate = "/etc/ssl/…/fullchain.pem"
# listen_tls_key = "/etc/ssl/…/privkey.pem"
modem_heartbeat_s = 300       # the longest a modem that dialled in keeps silent; 90 s later it is hung up on
unregistered_per_address = 64 # callers without a name yet that one address may have at the door
registered_per_address = 20000
connections_per_second_per_address = 500
# push_port = 4061            # where meters push to of their own accord, TCP and UDP
concurrency = 200             # conversations at the same time
calls_per_second = 100        # new connections to modems that are called
cell_sessions = 8             # conversations at the same time in one radio cell (ami meter change --cell)
live_every_s = 60             # seconds between two looks at the instant values
read_every_min = 30           # minutes between two readings of profile and registers; 1440: at midnight
answer_s = 10                 # the longest that an answer is waited for; measured round trips shorten it
spool_mb = 2048               # how much of the disk may hold what the database has not taken yet
store_patience_s = 120        # how long `ami collect --once` waits for a database that went away
dial_in_wait_s = 20           # how long one reading of all waits for modems that dial in
clock_tolerance_s = 10        # a meter's clock that is off by less is left alone
clock_limit_s = 60            # up to so much it is set by itself; beyond that somebody has to order it
metrics_host = "127.0.0.1"    # where /metrics, /livez and /readyz are shown (docs/operating.md)
metrics_port = 9405           # taken: one of the next 31; 0: not shown

[log]
format = "text"               # or json: an object a line, for a collector of logs

[orders]
disconnections_per_hour = 20  # one more stops them all, until a second person lets them go on
orders_per_minute = 120       # by one person

[abnormal]
alerts_per_1000 = 1.0         # inspections opened per 1,000 meters and day (docs/abnormal.md)

[mqtt]
# host = "broker.example"     # where gateways send what they read (docs/mqtt); without it there are none
# port = 8883                 # 1883 without TLS
# tls = true
# ca = "/etc/ssl/…/ca.pem"    # who vouches for the broker; without it whom the machine trusts
# user = "ami"
# password = "…"              # or AMI_MQTT_PASSWORD
# root = "ami"                # topics: ami/readout/GATEWAY and ami/receipt/GATEWAY
# group = "ami"               # head-ends of one group share the work
# client_id = "ami-1"         # another one for each head-end; without it ami- and the host's name

# [database]
# url = "postgresql://…"      # without it a private TimescaleDB runs below this directory
"""
