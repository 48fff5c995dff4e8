// A process with a client of xmpp.js (@xmpp/client from npm) that does what it is told on standard
// input, as slixmpp_client.py does: a JSON object on each line, in and out; see `requests`.
// Its argument is the folder that holds node_modules.

import { webcrypto } from "node:crypto";
import dns from "node:dns";
import { createRequire } from "node:module";
import readline from "node:readline";

globalThis.crypto ??= webcrypto; // not there before Node.js 20
const found = createRequire(`${process.argv[2]}/package.json`).resolve("@xmpp/client");
const { client, xml } = await import(found);

let xmpp;

function say(event, fields = {}) {
  process.stdout.write(`${JSON.stringify({ event, ...fields })}\n`);
}

function onStanza(stanza) {
  const { from: sender, type = "" } = stanza.attrs;
  if (stanza.is("message")) {
    say("message", { sender, type, body: stanza.getChildText("body") });
  } else if (stanza.is("presence")) {
    say("presence", { sender, type, status: stanza.getChildText("status") ?? "" });
  }
}

function onPush({ element }) {
  say("push", { ...element.getChild("item").attrs });
  return true;
}

async function ask(event, payload, to, read) {
  try {
    const answer = await xmpp.iqCaller.request(xml("iq", { type: "get", to }, payload));
    say(event, read(answer));
  } catch (error) {
    say("error", { condition: error.condition ?? String(error) });
  }
}

const requests = {
  // `service` is a URI; its host is found at `address`, as if DNS had said so.
  connect({ service, address, username, password, resource }) {
    dns.lookup = (_host, options, callback) =>
      options.all ? callback(null, [{ address, family: 4 }]) : callback(null, address, 4);
    xmpp = client({ service, username, password, resource });
    xmpp.reconnect.stop();
    xmpp.on("stanza", onStanza);
    xmpp.on("error", (error) => say("failed", { why: String(error) }));
    xmpp.on("offline", () => say("disconnected"));
    xmpp.on("online", (jid) => {
      const secure = xmpp.socket.socket; // a TLS socket within one of xmpp.js
      say("session", { jid: String(jid), tls: secure.getProtocol(), verified: secure.authorized });
    });
    xmpp.iqCallee.set("jabber:iq:roster", "query", onPush);
    xmpp.start().catch((error) => say("failed", { why: String(error) }));
  },
  roster() {
    ask("roster", xml("query", { xmlns: "jabber:iq:roster" }), undefined, (answer) => ({
      items: answer.getChild("query").getChildren("item").map((item) => item.attrs),
    }));
  },
  ping({ to }) {
    ask("answer", xml("ping", { xmlns: "urn:xmpp:ping" }), to, () => ({}));
  },
  presence({ type, to, status }) {
    xmpp.send(xml("presence", { type, to }, status ? xml("status", {}, status) : undefined));
  },
  message({ to, body }) {
    xmpp.send(xml("message", { type: "chat", to }, xml("body", {}, body)));
  },
  disconnect() {
    xmpp.stop();
  },
};

const lines = readline.createInterface({ input: process.stdin });
lines.on("line", (line) => {
  const request = JSON.parse(line);
  requests[request.do](request);
});
lines.on("close", () => process.exit());
say("ready");
