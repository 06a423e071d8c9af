/** JSON as it is taken: what is refused, where, and that nothing else is. */

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { InvalidJson, parseJson, scanJson } from "../../src/stream/json.ts";

function refusal(run: () => unknown): Pick<InvalidJson, "reason" | "position"> | null {
  try {
    run();
    return null;
  } catch (error) {
    if (!(error instanceof InvalidJson)) throw error;
    return { reason: error.reason, position: error.position };
  }
}

const parse = (text: string) => refusal(() => parseJson(text));

describe("parseJson", () => {
  test("takes what JSON.parse takes, as it does", () => {
    fc.assert(
      fc.property(fc.json({ maxDepth: 6 }), (text) => {
        const seen = refusal(() => expect(parseJson(text)).toEqual(JSON.parse(text)));
        if (seen) expect(seen.reason).not.toBe("syntax");
      }),
      { numRuns: 500 },
    );
  });

  test("refuses all that JSON.parse refuses, and nothing else as syntax", () => {
    const pieces = ["{", "}", "[", "]", ",", ":", '"a"', '"', "1", "-", "0", ".", "e5", "true"];
    const more = ["nul", "null", " ", "\\", "\\u0041", "\n", "x", '"\\u00"', "01", "1.5", "\t"];
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...pieces, ...more), { maxLength: 8 }), (parts) => {
        const text = parts.join("");
        let valid = true;
        try {
          JSON.parse(text);
        } catch {
          valid = false;
        }
        const seen = parse(text);
        if (valid) expect(seen?.reason).not.toBe("syntax");
        else expect(seen).not.toBeNull();
      }),
      { numRuns: 5_000 },
    );
  });

  test("says where, and never what", () => {
    expect(parse('{"a": secret}')).toEqual({ reason: "syntax", position: 6 });
    expect(parse('{"a":1,}')).toEqual({ reason: "syntax", position: 7 });
    expect(parse("")).toEqual({ reason: "syntax", position: 0 });
    expect(parse('["a\nb"]')).toEqual({ reason: "syntax", position: 1 });
    expect(parse('["a')).toEqual({ reason: "syntax", position: 1 });
    expect(parse("1 2")).toEqual({ reason: "syntax", position: 2 });
    expect(() => parseJson('{"a": secret}')).toThrow(/^it is not valid JSON \(at position 6\)$/);
  });

  test.each([
    ['{"__proto__":1}', 1],
    ['{"a":[{"constructor":1}]}', 7],
    ['{"prototype":{}}', 1],
    ['{"\\u005f_proto__":1}', 1],
    ['{"a":1,"pro\\u0074otype":2}', 7],
  ])("refuses the member name in %s", (text, position) => {
    expect(parse(text)).toEqual({ reason: "forbidden_key", position });
  });

  test("lets the same names be values", () => {
    expect(parseJson('{"a":"__proto__","b":["constructor"]}'))
      .toEqual({ a: "__proto__", b: ["constructor"] });
  });

  test.each([
    ["9007199254740993", "integer_range"],
    ["9007199254740992", "integer_range"],
    ["-9007199254740992", "integer_range"],
    ["123456789012345678901234567890", "integer_range"],
    ["1e400", "number_range"],
    ["-1E+400", "number_range"],
    ["1e-400", "number_range"],
    [`0.${"0".repeat(400)}1`, "number_range"],
    ["-0", "number_range"],
  ])("refuses the number %s", (literal, reason) => {
    expect(parse(literal)?.reason).toBe(reason);
    expect(parse(`{"n":${literal}}`)).toEqual({ reason, position: 5 });
    expect(parse(`[0,${literal}]`)?.reason).toBe(reason);
    expect(parse(`{"text":"${literal}"}`)).toBeNull();
  });

  test.each([
    "9007199254740991",
    "-9007199254740991",
    "1e308",
    "-0.0",
    "0",
    "0.1234567890123456789",
    "1e22",
    "0e-999",
    "1.7976931348623157e308",
  ])("keeps the number %s", (literal) => {
    expect(parseJson(literal)).toBe(JSON.parse(literal));
  });

  test("refuses halves of surrogate pairs, and takes whole ones", () => {
    expect(parse('{"a":"\\ud800"}')).toEqual({ reason: "lone_surrogate", position: 5 });
    expect(parse('{"\\udc00":1}')).toEqual({ reason: "lone_surrogate", position: 1 });
    expect(parse('"\ud800"')?.reason).toBe("lone_surrogate");
    expect(parseJson('"\\ud83d\\ude00"')).toBe("😀");
  });

  test("refuses depth from 33 on, at once and without recursion", () => {
    const nested = (depth: number) => "[".repeat(depth) + "]".repeat(depth);
    expect(parse(nested(32))).toBeNull();
    expect(parse(nested(33))).toEqual({ reason: "depth", position: 32 });
    expect(parse("[".repeat(1_000_000))).toEqual({ reason: "depth", position: 32 });
    expect(parse(`{"a":"${"[".repeat(1_000)}"}`)).toBeNull();
    expect(parse('{"a":'.repeat(100_000))?.reason).toBe("depth");
  });

  test("is quick over long texts that look bad", () => {
    const startMs = performance.now();
    parse(`"${"\\\\".repeat(500_000)}"`);
    parse(`"${'\\"'.repeat(500_000)}`);
    parse(`[${'"\\u0041",'.repeat(100_000)}1]`);
    parse("1".repeat(1_000_000));
    parse(" ".repeat(1_000_000) + "x");
    parse(":1.".repeat(300_000));
    expect(performance.now() - startMs).toBeLessThan(2_000);
  });
});

describe("scanJson", () => {
  const cut = (text: string) => scanJson(text).elements?.map(([from, to]) => text.slice(from, to));

  test("cuts an array at its own commas", () => {
    expect(cut('[1, {"a":[2,3]} ,"x,]\\"[" ,[]]')).toEqual([
      "1",
      '{"a":[2,3]}',
      '"x,]\\"["',
      "[]",
    ]);
    expect(cut(" [ ] ")).toEqual([]);
    expect(cut("[[1,2]]")).toEqual(["[1,2]"]);
    expect(scanJson('{"a":[1,2]}').elements).toBeNull();
    expect(scanJson('{"a":[1,{}]}').depth).toBe(3);
  });

  test("gives back the elements of any array", () => {
    fc.assert(fc.property(fc.array(fc.jsonValue({ maxDepth: 4 })), (values) => {
      const text = JSON.stringify(values, null, values.length % 3);
      expect(cut(text)!.map((one) => JSON.parse(one))).toEqual(JSON.parse(text));
    }));
  });

  test.each(["[1,]", "[,1]", "[,]", "[", "[1", "{]", "[}", "[1]x", "[1]]", '["a', "[[1]", "]"])(
    "refuses %s",
    (text) => expect(refusal(() => scanJson(text))?.reason).toBe("syntax"),
  );

  test("ends at its limits", () => {
    expect(refusal(() => scanJson("[".repeat(1_000_000))))
      .toEqual({ reason: "depth", position: 32 });
    const many = `[${"1,".repeat(1_000_000)}1]`;
    expect(scanJson(many, { elementsMax: 10 }).elements).toHaveLength(11);
  });
});
