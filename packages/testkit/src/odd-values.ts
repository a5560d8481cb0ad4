import {
  type Arbitrary,
  boolean,
  constant,
  constantFrom,
  jsonValue,
  nat,
  oneof,
  string,
  tuple,
} from 'fast-check'

/** What is likely to be handled wrongly where it is handled at all. */
// biome-ignore format: a table
const ODD_TEXTS = [
  '', ' ', '\0', 'a\0b', '\ud800', 'a\udc00', '\ufeffabc', 'ﬀ', 'İıK', '🧑‍🚀👩‍👩‍👧', 'شلال', 'a\u202eb', '\u0300',
  '__proto__', 'constructor', 'null', 'undefined', 'NaN', '-1', '0', '1e2', '00', '101', '9'.repeat(15), '9'.repeat(16),
  '9223372036854775808', "' OR 1=1 --", "'; DROP TABLE chat.users; --", '%', '_%\\', '../../etc/passwd', '*',
  '7ZZZZZZZZZZZZZZZZZZZZZZZZZ', '8ZZZZZZZZZZZZZZZZZZZZZZZZZ', '01arz3ndektsv4rrffq69g5fav', '0'.repeat(26), 'me', 'public',
]

export const ODD_KEYS = ['__proto__', 'constructor', 'toString', '', 'a.b', '\0']

const ODD_VALUES = [null, true, false, 0, -1, 1.5, 1e308, 2 ** 53, [], {}, [[]], [null], { a: { b: {} } }]

/** Lengths that are a limit somewhere, or one beyond. */
const ODD_LENGTHS = [0, 1, 26, 27, 32, 33, 64, 65, 100, 101, 256, 257, 1024, 1025, 31_000, 40_000]

/** Of a length that is a limit, or one beyond. */
export const ODD_LENGTH_TEXT: Arbitrary<string> = tuple(
  constantFrom('x', 'é', ' ', '😀'),
  constantFrom(...ODD_LENGTHS),
).map(([unit, length]) => unit.repeat(length).slice(0, length))

export const ODD_TEXT: Arbitrary<string> = oneof(constantFrom(...ODD_TEXTS), string({ unit: 'binary' }))

export const ODD_VALUE: Arbitrary<unknown> = oneof(
  constantFrom<unknown>(...ODD_VALUES),
  constantFrom(100, 1000).map(nested),
  constantFrom(...ODD_KEYS).map((key) => Object.fromEntries([[key, { x: 1 }]])),
  ODD_TEXT,
  ODD_LENGTH_TEXT,
  jsonValue(),
)

function nested(depth: number): unknown {
  let value: unknown = 1
  for (let i = 0; i < depth; i += 1) value = [value]
  return value
}

/** The JSON of such an object, mostly with something wrong: a field odd, missing, more or there twice, or its text damaged. */
export function oddJson(valid: Arbitrary<object>): Arbitrary<string> {
  return valid.chain((object) => {
    const entries = Object.entries(object)
    const without = (name: string) => Object.fromEntries(entries.filter(([other]) => other !== name))
    const name = oneof(constantFrom(...Object.keys(object)), constantFrom(...ODD_KEYS, 'extra'))
    const field = tuple(name, ODD_VALUE)
    const whole = JSON.stringify(object)
    const twice = tuple(field, boolean()).map(([entry, isFirst]) => {
      const both = [JSON.stringify(Object.fromEntries([entry])), whole]
      return `{${(isFirst ? both : both.toReversed()).map((json) => json.slice(1, -1)).join(',')}}`
    })
    const damaged = tuple(nat(whole.length), nat(8), ODD_TEXT).map(
      ([at, length, text]) => whole.slice(0, at) + text + whole.slice(at + length),
    )
    return oneof(
      constant(whole),
      {
        weight: 4,
        arbitrary: field.map(([key, value]) =>
          JSON.stringify(Object.fromEntries([...entries, [key, value]])),
        ),
      },
      name.map((key) => JSON.stringify(without(key))),
      twice,
      { weight: 2, arbitrary: damaged },
      ODD_VALUE.map((value) => JSON.stringify(value)),
    )
  })
}

/** The bytes of such a text, mostly as they are, or some of them others. */
export function oddBytes(text: Arbitrary<string>): Arbitrary<Buffer> {
  return oneof(
    { weight: 2, arbitrary: text.map((it) => Buffer.from(it)) },
    tuple(text, nat(), nat(255)).map(([it, at, byte]) => {
      const bytes = Buffer.from(it)
      if (bytes.length > 0) bytes[at % bytes.length] = byte
      return bytes
    }),
  )
}

export function lettersOf(alphabet: string, minLength: number, maxLength: number): Arbitrary<string> {
  return string({ unit: constantFrom(...alphabet), minLength, maxLength })
}

const CROCKFORD = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'
export const ULID: Arbitrary<string> = tuple(lettersOf('01234567', 1, 1), lettersOf(CROCKFORD, 25, 25)).map(
  (parts) => parts.join(''),
)

/** Any that UTF-8 and PostgreSQL can carry. */
export function storable(minLength: number, maxLength: number): Arbitrary<string> {
  return string({ unit: 'binary', minLength, maxLength }).map((text) => text.replaceAll('\0', ' '))
}

/** Whether PostgreSQL would give back what it was given, told without the help of what is tested. */
export function comesBack(text: string): boolean {
  return Buffer.from(text).toString() === text && !Buffer.from(text).includes(0)
}

/** Names that all objects have: none may come by what somebody sends. */
export function inheritedNames(): readonly string[] {
  return [Object.prototype, Array.prototype, Function.prototype, String.prototype].flatMap((it) =>
    Object.getOwnPropertyNames(it),
  )
}
