-- A gateway that reads its meters by itself and sends what they said through an MQTT broker: nobody calls it.
ALTER TABLE modem DROP CONSTRAINT modem_link_check;
ALTER TABLE modem ADD CONSTRAINT modem_link_check CHECK (link IN ('dial_out', 'dial_in', 'mqtt'));
