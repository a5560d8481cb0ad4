/** What is likely to be handled wrongly where it is handled at all, in a request. */

/** Sent as JSON. */
// biome-ignore format: a table
export const ODD_JSON = [
  '', ' ', '{', '}', '{}', 'null', '[]', '"x"', '1', 'NaN', '{"a":1,}', "{'a':1}", '\ufeff{}', '{"a":\n\t"b\0c"}', '[[', '\0',
  '{"__proto__":{"x":1}}', '{"constructor":{"prototype":{"x":1}}}', '{"\\u005f_proto__":1}', '{"name":"\\ud800"}',
  '['.repeat(30_000), '{"a":'.repeat(6000), `{"name":"${'x'.repeat(32_769)}"}`, `{"n":${'9'.repeat(20_000)}}`,
]

// biome-ignore format: a table
export const ODD_CONTENT_TYPES = [
  'application/json; charset=utf-8', 'APPLICATION/JSON', 'application/json; charset=utf-16', 'application/json;',
  ' application/json', 'text/plain', 'text/xml', 'application/jsonx', 'application/vnd.api+json', '', ';', '/',
  'multipart/form-data; boundary=x', 'application/x-www-form-urlencoded', 'application/json, text/plain',
  'application/json; __proto__=x', `a/${'b'.repeat(2000)}`,
]

// biome-ignore format: a table
export const ODD_SEGMENTS = [
  '', '%', '%z', '%zz', '%00', '%2e%2e', '..', '.', '%2F', '%252F', '%c0%ae', '%ff', '%ed%a0%80', '%F0%9F%92%A9', '%u0041',
  'a%', '\xff', '\xc3', 'me', 'public', 'Public', 'me%00', ':roomId', '*', '{roomId}', ';a=b', 'x;y', 'x#y', 'x?y', '%3F',
  '%23', '+', '%20', '__proto__', 'constructor', '%41'.repeat(26), 'A'.repeat(100), 'A'.repeat(101), 'A'.repeat(5000),
  'A'.repeat(20_000), '/'.repeat(50), 'a/'.repeat(1000),
]

export const ODD_PATHS = ['/', '//', '/%', '*', '/../..', '/rooms//members', '/.%2e/']

// biome-ignore format: a table
export const ODD_QUERY_NAMES = [
  '__proto__', 'constructor', 'toString', '', 'limit[]', 'limit[a]', '%', '%00', '%6cimit', 'LIMIT', 'a'.repeat(3000),
]

/** As they stand in a query, not to be encoded. */
// biome-ignore format: a table
export const ODD_QUERY_VALUES = [
  '%', '%zz', '%ff', '%00', '%ed%a0%80', '+', '1&limit=1', 'a=b', 'a,b', ',', '%2C'.repeat(101), '\xff',
]

// biome-ignore format: a table
export const ODD_QUERIES = [
  '?', '&', '&&&', '=', '==', '=&=', '#', ';', '%', 'limit', 'limit=', '?limit=1', 'limit=1;limit=2', '&'.repeat(2000),
]

export const ODD_HEADERS: Readonly<Record<string, readonly string[]>> = {
  accept: ['text/html', '*/*', 'application/xml;q=x', ''],
  'accept-encoding': ['gzip, br', 'identity;q=0'],
  'content-encoding': ['gzip', 'br', 'x'],
  'transfer-encoding': ['chunked'],
  expect: ['100-continue', 'x'],
  host: ['', 'x', 'evil.example:99999', '[::1', 'a b', 'x/y'],
  origin: ['null', 'https://evil.example', '', 'x'],
  'x-forwarded-for': ['1.2.3.4', 'x', '', '::1, x'],
  'x-forwarded-host': ['evil.example'],
  'x-request-id': ['mine', ''],
  'x-http-method-override': ['DELETE'],
  'if-none-match': ['*', '"x"'],
  range: ['bytes=0-0', 'x'],
  cookie: ['a=b', '\xff', '='],
  upgrade: ['websocket', 'h2c'],
  connection: ['keep-alive, upgrade', 'x'],
  'x-long': ['', '\t', 'x'.repeat(8000), 'x'.repeat(17_000)],
}
