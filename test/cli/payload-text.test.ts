import { expect, test } from '@jest/globals'
import { payloadText, payloadValue } from '../../src/cli/payload-text.js'
import { encodePayload } from '../../src/codec/payload.js'

function shown(value: unknown, whole = false): string {
  const { flags, bytes } = encodePayload(value)
  // Inside of a longer body, as it comes.
  const body = new Uint8Array(bytes.length + 7)
  body.set(bytes, 3)
  return payloadText(flags, body, 3, bytes.length, whole)
}

test('cbor is shown as JSON, also what JSON does not know', () => {
  expect(shown({ a: [1, 'x', null, true] })).toBe('{"a":[1,"x",null,true]}')
  expect(shown(undefined)).toBe('null')
  expect(shown({ big: 2n ** 60n, nan: Number.NaN })).toBe('{"big":"1152921504606846976n","nan":"NaN"}')
  expect(
    shown(
      new Map<unknown, unknown>([
        ['k', 1],
        [2, new Set([3])],
      ]),
    ),
  ).toBe('{"2":[3],"k":1}')
  expect(shown(new Date(0))).toBe('"1970-01-01T00:00:00.000Z"')
  expect(shown({ text: Buffer.from('grün'), bytes: Uint8Array.of(0, 255) })).toBe('{"text":"grün","bytes":"0x00ff"}')
  expect(shown(Uint16Array.of(1, 300))).toMatch(/^(\[1,300\]|"0x[0-9a-f]+")$/)
})

test('raw bytes are text if they can be printed, and else hex', () => {
  expect(shown(Buffer.from('SET a "1"'))).toBe('SET a "1"')
  expect(shown(Buffer.from('two\nlines'))).toBe('0x74776f0a6c696e6573')
  expect(shown(Uint8Array.of(0xc3))).toBe('0xc3')
  // The codes of a terminal are not let through.
  expect(shown(Buffer.from('\x1b[31mred'))).toMatch(/^0x1b5b/)
})

test('long ones are shortened with their size, unless the whole is wanted', () => {
  const long = 'x'.repeat(1000)
  expect(shown(Buffer.from(long))).toBe(`${'x'.repeat(100)}… (1000 B)`)
  expect(shown(Buffer.from(long), true)).toBe(long)
  expect(shown({ long })).toMatch(/^\{"long":"x{91}… \(10\d\d B\)$/)
  expect(shown({ long }, true)).toBe(JSON.stringify({ long }))
})

test('what does not decode is said, with its bytes', () => {
  expect(payloadValue(1, Uint8Array.of(0xff), 0, 1)).toEqual({ undecodable: expect.any(String), hex: '0xff' })
})
