// node --test test/conformance/gloo/lib/*.test.mjs (from the root of the project)
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { CheckSyntaxError, compare, evaluateCheck, milliseconds, parsePath } from "./checks.mjs";

const route = (uri, extra = {}) => ({ match: [{ uri: { prefix: uri } }], ...extra });

const service = {
  cluster: "c1",
  object: {
    apiVersion: "networking.istio.io/v1",
    kind: "VirtualService",
    metadata: { name: "a", namespace: "apps", labels: { "x.y/z": "1" }, annotations: {} },
    spec: { hosts: ["a.apps.svc.cluster.local"], http: [route("/b", { timeout: "1000ms" }), route("/", { retries: { attempts: 5 } })] },
    status: { observedGeneration: "1", errors: ["Port 7 of svc-x is missing"], accepted: false },
  },
};
const target = { cluster: "c1", kind: "VirtualService", namespace: "apps", name: "a" };

/** The failures of a check that this object has these fields. */
const check = (fields, more = {}, objects = [service], variables = new Map()) => evaluateCheck({ target, expect: "present", fields, ...more }, objects, variables);
const holds = (...given) => assert.deepEqual(check(...given), []);
const fails = (...given) => assert.notDeepEqual(check(...given), []);
const unreadable = (...given) => assert.throws(() => check(...given), CheckSyntaxError);

describe("paths", () => {
  test("keys, quoted keys, indexes, every item, measures, operators", () => {
    assert.deepEqual(parsePath('a.b-c[0].d[*]["k.l/m"].#len'), {
      steps: [{ key: "a" }, { key: "b-c" }, { index: 0 }, { key: "d" }, { every: true }, { key: "k.l/m" }, { measure: "len" }],
      operator: "",
    });
    for (const operator of "~!?%<=") assert.equal(parsePath(`a.b${operator}`).operator, operator);
  });

  test("anything else is a syntax error", () => {
    for (const path of ["", ".a", "a..b", "a[", "a[x]", "a.#size", "a b", "a[-1]", "a.#len.b", "~", "a~~"]) assert.throws(() => parsePath(path), CheckSyntaxError, path);
  });

  test("lead to the value", () => {
    holds({ 'metadata.labels["x.y/z"]': "1", "spec.http[1].retries.attempts": 5, "spec.http[*].match.#len": 1, "spec.hosts.#len": 1, "status.#keys~": ["errors"] });
    fails({ "spec.http[2].timeout": "1s" });
    fails({ "spec.hosts.#len": 2 });
    fails({ "metadata.labels.#len": 1 });
  });

  test("every item means that there is one", () => {
    fails({ "spec.http[*].timeout": "1s" });
    fails({ "spec.tcp[*].timeout": "1s" });
    fails({ "spec.tcp[*].timeout!": "absent" });
  });

  test("the length of a missing list is 0", () => holds({ "spec.tcp.#len": 0 }));
});

describe("values", () => {
  test("a map is compared as a subset, a list by length and order", () => {
    holds({ "spec.http[0]": { timeout: "1s" } });
    fails({ "spec.http[0]": { timeout: "1s", retries: {} } });
    holds({ "spec.http": [{ match: [{ uri: { prefix: "/b" } }] }, {}] });
    fails({ "spec.http": [{ match: [{ uri: { prefix: "/b" } }] }] });
    fails({ "spec.http": [{ match: [{ uri: { prefix: "/" } }] }, {}] });
    fails({ "spec.hosts": { 0: "a.apps.svc.cluster.local" } });
  });

  test("durations by value, numbers also against numeric text", () => {
    holds({ "spec.http[0].timeout": "1s" });
    fails({ "spec.http[0].timeout": "1ms" });
    holds({ "status.observedGeneration": 1 });
    holds({ "spec.http[1].retries.attempts": "5" });
    fails({ "status.observedGeneration": 2 });
    fails({ "status.accepted": "false" });
    holds({ "status.accepted": false });
    assert.equal(milliseconds("1m30s"), 90_000);
    assert.equal(milliseconds("0.5s"), 500);
    assert.equal(milliseconds("1"), undefined);
    assert.equal(milliseconds("v1s"), undefined);
  });

  test("a host without dots is the service of that name beside the object", () => {
    const host = (expected, got) => compare({ host: expected }, { host: got }, { variables: new Map(), namespace: "apps", key: "" });
    assert.deepEqual(host("a.apps.svc.cluster.local", "a"), []);
    assert.deepEqual(host("a", "a.apps.svc.cluster.local"), []);
    assert.notDeepEqual(host("a.other.svc.cluster.local", "a"), []);
    assert.notDeepEqual(host("reviews.global", "reviews"), []);
    assert.notDeepEqual(host("*", "a"), []);
    fails({ "metadata.name": "a.apps.svc.cluster.local" });
  });
});

describe("operators", () => {
  test("~ in any order, each expected item with a partner of its own", () => {
    holds({ "spec.http~": [route("/"), route("/b")] });
    fails({ "spec.http~": [route("/"), route("/")] });
    fails({ "spec.http~": [route("/c")] });
    fails({ "spec.hosts[0]~": ["a.apps.svc.cluster.local"] });
    // The loose item must leave the exact one its only partner.
    holds({ "spec.http~": [{}, route("/b")] });
  });

  test("! absent or empty", () => {
    holds({ "spec.gateways!": "absent", "metadata.annotations!": "absent", "spec.tcp[0].x!": "absent" });
    fails({ "status.accepted!": "absent" });
    fails({ "spec.hosts!": "absent" });
  });

  test("? one of", () => {
    holds({ "spec.http[1].retries.attempts?": [4, 5] });
    fails({ "spec.http[1].retries.attempts?": [3, 4] });
    fails({ "spec.missing?": [3, 4] });
  });

  test("% text with all patterns, case aside", () => {
    holds({ "status.errors%": ["port", "svc-x", String.raw`\b7\b`] });
    fails({ "status.errors%": ["port", "svc-y"] });
    fails({ "status.warnings%": ["."] });
    holds({ "metadata.name%": "^a$" });
  });

  test("< in this order, others may lie between", () => {
    const many = [{ cluster: "c1", object: { ...service.object, spec: { http: [route("/a"), route("/b"), route("/c")] } } }];
    holds({ "spec.http<": [route("/a"), route("/c")] }, {}, many);
    fails({ "spec.http<": [route("/c"), route("/a")] }, {}, many);
    fails({ "spec.http<": [route("/a"), route("/a")] }, {}, many);
  });

  test("= exactly, without leniency", () => {
    holds({ "status.observedGeneration=": "1" });
    fails({ "status.observedGeneration=": 1 });
    fails({ "spec.http[0].timeout=": "1s" });
    fails({ "spec.http[1]=": { retries: { attempts: 5 } } });
  });

  test("work on the keys of an expected map, too", () => {
    holds({ "spec.http[0]": { "retries!": "absent", "match~": [{}], "timeout?": ["1s"] } });
    fails({ "spec.http[1]": { "retries!": "absent" } });
  });
});

describe("targets", () => {
  test("present, absent, a number", () => {
    holds({});
    fails({}, { target: { ...target, name: "b" } });
    fails({}, { expect: "absent" });
    holds({ "spec.http.#len": 7 }, { expect: "absent" });
    holds({}, { expect: "absent", target: { ...target, cluster: "c2" } });
    holds({}, { expect: 1 });
    fails({}, { expect: 2 });
    holds({}, { expect: 0, target: { ...target, kind: "Gateway" } });
  });

  test("* stands for any text: some object for which all fields hold", () => {
    const other = { cluster: "c1", object: { kind: "VirtualService", metadata: { name: "a-1", namespace: "apps" }, spec: { hosts: ["x"] } } };
    const any = { target: { ...target, name: "a*" } };
    holds({ "spec.hosts": ["x"] }, any, [service, other]);
    fails({ "spec.hosts": ["x"], "spec.http.#len": 2 }, any, [service, other]);
    holds({}, { ...any, expect: 2 }, [service, other]);
    fails({}, { target: { ...target, name: "*-2" } }, [service, other]);
    fails({}, { target: { ...target, name: "a.1" } }, [service, other]);
  });

  test("an object without namespace", () => {
    const node = { cluster: "c1", object: { kind: "Node", metadata: { name: "n" } } };
    assert.deepEqual(evaluateCheck({ target: { cluster: "c1", kind: "Node", name: "n" }, expect: "present" }, [node], new Map()), []);
  });
});

describe("variables", () => {
  test("take the first value and must equal it from then on", () => {
    const variables = new Map();
    holds({ "spec.http[0].match": "$match" }, {}, [service], variables);
    assert.deepEqual(variables.get("match"), [{ uri: { prefix: "/b" } }]);
    holds({ "spec.http[0].match": "$match" }, {}, [service], variables);
    fails({ "spec.http[1].match": "$match" }, {}, [service], variables);
  });

  test("two names never stand for one value, a missing value binds nothing", () => {
    const variables = new Map([["one", "a"]]);
    fails({ "metadata.name": "$two" }, {}, [service], variables);
    fails({ "spec.missing": "$three" }, {}, [service], variables);
    assert.equal(variables.size, 1);
  });

  test("stand inside text, lists and targets once bound", () => {
    const variables = new Map([["name", "a"]]);
    holds({ "spec.hosts": ["$name.apps.svc.cluster.local"] }, { target: { ...target, name: "$name" } }, [service], variables);
    unreadable({ "spec.hosts": ["$other.apps"] });
    unreadable({ "spec.hosts~": ["$other"] });
  });

  test("a failed check binds nothing", () => {
    const variables = new Map();
    fails({ "metadata.name": "$name", "spec.http.#len": 9 }, {}, [service], variables);
    assert.equal(variables.size, 0);
  });
});

test("what is not understood is an error, never a pass", () => {
  unreadable({ "spec..x": 1 });
  unreadable({ "spec.gateways!": "missing" });
  unreadable({ "spec.http~": {} });
  unreadable({ "spec.http?": [] });
  unreadable({ "spec.http": null });
  unreadable({ "spec.http[0]": { timeout: null } });
  unreadable({ "spec.http~": [{ timeout: null }] });
  unreadable({ "spec.http~": [{ "timeout!": "gone" }] });
  unreadable({ "status.errors%": [1] });
  unreadable({}, { expect: "there" });
  unreadable({}, { expect: -1 });
  unreadable({}, { needs: "luck" });
  unreadable({}, { note: "x" });
  unreadable({}, { target: { kind: "VirtualService", name: "a" } });
  unreadable({}, { target: { ...target, labels: {} } });
});
