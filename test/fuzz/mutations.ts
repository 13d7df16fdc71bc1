import fc from 'fast-check'

/** One change of a valid encoding. Places are taken modulo the length, so that any number fits any input. */
type Edit =
  | { readonly kind: 'flip'; readonly at: number; readonly bit: number }
  | {
      readonly kind: 'extreme'
      readonly at: number
      readonly width: number
      readonly byte: number
      readonly last: number
    }
  | { readonly kind: 'near'; readonly at: number; readonly by: number }
  | { readonly kind: 'cut' | 'behead'; readonly at: number }
  | { readonly kind: 'remove' | 'repeat'; readonly at: number; readonly count: number }
  | { readonly kind: 'insert'; readonly at: number; readonly bytes: Uint8Array }
  | { readonly kind: 'splice'; readonly at: number; readonly from: number; readonly count: number }

const place = fc.oneof(fc.nat(1 << 16), fc.nat(80))
const kind = <K extends Edit['kind']>(...names: K[]) => fc.constantFrom(...names)

const edit: fc.Arbitrary<Edit> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ kind: kind('flip'), at: place, bit: fc.nat(7) }) },
  // A field of 1, 2, 4 or 8 bytes at its least, its greatest, at the sign, and just below.
  {
    weight: 4,
    arbitrary: fc.record({
      kind: kind('extreme'),
      at: place,
      width: fc.constantFrom(1, 2, 4, 8),
      byte: fc.constantFrom(0, 0xff),
      last: fc.constantFrom(0, 1, 0x1f, 0x7f, 0x80, 0xff),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: kind('near'), at: place, by: fc.constantFrom(-2, -1, 1, 2) }) },
  { weight: 2, arbitrary: fc.record({ kind: kind('cut', 'behead'), at: place }) },
  {
    weight: 2,
    arbitrary: fc.record({ kind: kind('remove', 'repeat'), at: place, count: fc.integer({ min: 1, max: 64 }) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: kind('insert'), at: place, bytes: fc.uint8Array({ minLength: 1, maxLength: 24 }) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ kind: kind('splice'), at: place, from: place, count: fc.integer({ min: 1, max: 300 }) }),
  },
)

/** What is made of a corpus: which entry, which other one is spliced in, and what is changed. */
export interface Recipe {
  readonly entry: number
  readonly other: number
  readonly edits: readonly Edit[]
  /** Checksums are put right after it, so that the change reaches what lies behind them. */
  readonly sealed: boolean
}

export const recipe: fc.Arbitrary<Recipe> = fc.record({
  entry: fc.nat(1 << 16),
  other: fc.nat(1 << 16),
  edits: fc.array(edit, { minLength: 1, maxLength: 4 }),
  sealed: fc.boolean(),
})

export function mutated(corpus: readonly Uint8Array[], { entry, other, edits }: Recipe): Uint8Array {
  const donor = corpus[other % corpus.length] ?? new Uint8Array(0)
  let bytes = Uint8Array.from(corpus[entry % corpus.length] ?? [])
  for (const one of edits) bytes = changed(bytes, one, donor)
  return bytes
}

function changed(bytes: Uint8Array<ArrayBuffer>, edit: Edit, donor: Uint8Array): Uint8Array<ArrayBuffer> {
  const at = bytes.length === 0 ? 0 : edit.at % bytes.length
  switch (edit.kind) {
    case 'flip':
      if (bytes.length > 0) bytes[at]! ^= 1 << edit.bit
      return bytes
    case 'extreme':
      for (let i = 0; i < edit.width && at + i < bytes.length; i++) bytes[at + i] = edit.byte
      if (at + edit.width <= bytes.length) bytes[at + edit.width - 1] = edit.last
      return bytes
    case 'near':
      if (bytes.length > 0) bytes[at]! += edit.by
      return bytes
    case 'cut':
      return bytes.slice(0, at)
    case 'behead':
      return bytes.slice(at)
    case 'remove':
      return joined(bytes.subarray(0, at), bytes.subarray(Math.min(bytes.length, at + edit.count)))
    case 'repeat':
      return joined(bytes.subarray(0, Math.min(bytes.length, at + edit.count)), bytes.subarray(at))
    case 'insert':
      return joined(bytes.subarray(0, at), edit.bytes, bytes.subarray(at))
    case 'splice': {
      const from = donor.length === 0 ? 0 : edit.from % donor.length
      const part = donor.subarray(from, Math.min(donor.length, from + edit.count))
      return joined(bytes.subarray(0, at), part, bytes.subarray(Math.min(bytes.length, at + part.length)))
    }
  }
}

function joined(...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  let length = 0
  for (const part of parts) length += part.length
  const whole = new Uint8Array(length)
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.length
  }
  return whole
}
