import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from '@jest/globals'
import { optionSchema } from '../../src/host/option-schema.js'

interface Schema {
  readonly def?: { readonly innerType?: Schema; readonly type?: string }
  readonly shape?: Record<string, Schema>
}

/** The object inside of defaults and options, if there is one. */
function shapeOf(schema: Schema): Record<string, Schema> | undefined {
  return schema.shape ?? (schema.def?.innerType ? shapeOf(schema.def.innerType) : undefined)
}

test('docs/options.md has a row for every option, and for nothing else', () => {
  const shape = (optionSchema as unknown as Schema).shape as Record<string, Schema>
  const names = Object.entries(shape).flatMap(([name, schema]) => {
    const inner = shapeOf(schema)
    return inner === undefined ? [name] : Object.keys(inner).map((field) => `${name}.${field}`)
  })
  const text = readFileSync(join(process.cwd(), 'docs/options.md'), 'utf8')
  const rows = [...text.matchAll(/^\| `([\w.]+)` +\|/gm)].map((match) => match[1])
  expect([...rows].sort()).toEqual(names.sort())
})
