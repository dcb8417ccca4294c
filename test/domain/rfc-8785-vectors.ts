/**
 * The six test pairs of RFC 8785's reference implementation, github.com/cyberphone/json-canonicalization, testdata/
 * (Apache-2.0, Anders Rundgren): inputs with their white space shortened, and how the SHA-256 of each published output
 * begins.
 */
export const rfc8785Vectors = {
  arrays: {
    input: String.raw`[56, {"d": true, "10": null, "1": [ ]}]`,
    outputSha256: '099601b1',
  },
  french: {
    input: String.raw`{"peach": "This sorting order", "péché": "is wrong according to French",
      "pêche": "but canonicalization MUST", "sin": "ignore locale"}`,
    outputSha256: 'd99d0ebd',
  },
  structures: {
    input: String.raw`{"1": {"f": {"f": "hi", "F": 5}, "\n": 56.0}, "10": { }, "": "empty", "a": { },
      "111": [ {"e": "yes", "E": "no"} ], "A": { }}`,
    outputSha256: '605f6500',
  },
  unicode: {
    input: String.raw`{"Unnormalized Unicode": "A\u030a"}`,
    outputSha256: '0d99aad9',
  },
  values: {
    input: String.raw`{"numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],
      "string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/", "literals": [null, true, false]}`,
    outputSha256: '2d5e01a3',
  },
  weird: {
    input: String.raw`{"\u20ac": "Euro Sign", "\r": "Carriage Return", "\u000a": "Newline", "1": "One",
      "\u0080": "Control\u007f", "\ud83d\ude02": "Smiley", "\u00f6": "Latin Small Letter O With Diaeresis",
      "\ufb33": "Hebrew Letter Dalet With Dagesh", "</script>": "Browser Challenge"}`,
    outputSha256: '6af595a9',
  },
} as const;
