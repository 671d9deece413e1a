// Reads one unit with modbus-serial over RTU in TCP: a plan as JSON on stdin, what was read as JSON on stdout.
//
//     {"host": …, "port": …, "unit": …, "timeout": milliseconds, "ask": [[function, address, count or values], …]}
//
// Each answer is {"data": […]}, {"exception": code} or {"error": text}. Its "telnet" port is the one that sends bare
// RTU frames; those called TCP RTU put a header before them.
"use strict";

const ModbusRTU = require("modbus-serial");

async function one(client, [what, address, third]) {
    try {
        if (what === 3) return { data: (await client.readHoldingRegisters(address, third)).data };
        if (what === 4) return { data: (await client.readInputRegisters(address, third)).data };
        if (what === 16) return { data: Object.values(await client.writeRegisters(address, third)) };
        return { error: `no function ${what}` };
    } catch (error) {
        return error.modbusCode ? { exception: error.modbusCode } : { error: String(error.message ?? error) };
    }
}

async function main() {
    let text = "";
    for await (const chunk of process.stdin) text += chunk;
    const plan = JSON.parse(text);
    const client = new ModbusRTU();
    await client.connectTelnet(plan.host, { port: plan.port });
    client.setID(plan.unit);
    client.setTimeout(plan.timeout ?? 2000);
    const answers = [];
    for (const asked of plan.ask) answers.push(await one(client, asked));
    process.stdout.write(JSON.stringify(answers) + "\n");
    client.close(() => process.exit(0));
}

main().catch((error) => {
    process.stderr.write(`${error.stack ?? error}\n`);
    process.exit(1);
});
