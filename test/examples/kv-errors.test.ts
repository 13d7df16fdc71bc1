import { describe, expect, test } from '@jest/globals'
import { errorResponse } from '../../examples/kv/kv-errors.js'
import { parseKvOptions } from '../../examples/kv/kv-options.js'
import { type ErrorCode, PaxosError } from '../../src/index.js'

describe('errors of examples/kv', () => {
  test.each<[ErrorCode, number]>([
    ['OVERLOADED', 503],
    ['NO_QUORUM', 503],
    ['GROUP_RESTARTED', 503],
    ['STALLED', 503],
    ['TIMEOUT', 504],
    ['COMMAND_TOO_LARGE', 413],
    ['NOT_ENCODABLE', 400],
    ['REJECTED', 400],
  ])('%s is %i', (code, status) => {
    const response = errorResponse(new PaxosError(code, 'why', { outcome: 'unknown' }))
    expect(response.status).toBe(status)
    expect(JSON.parse(response.body as string)).toEqual({ code, message: 'why', outcome: 'unknown' })
  })

  test('a hint of when to try again becomes a header', () => {
    const error = new PaxosError('OVERLOADED', 'why', { outcome: 'not-applied', retryAfterMs: 1_200 })
    const { headers, body } = errorResponse(error)
    expect(headers['retry-after']).toBe('2')
    expect(JSON.parse(body as string)).toMatchObject({ retryAfterMs: 1_200 })
  })

  test('anything else is the fault of the server, and says nothing of the outcome', () => {
    const response = errorResponse(new Error('broken'))
    expect(response.status).toBe(500)
    expect(JSON.parse(response.body as string)).toMatchObject({ code: 'INTERNAL', outcome: 'unknown' })
  })
})

describe('arguments of examples/kv', () => {
  const good = ['--node', '2', '--nodes', 'a:1,b:2', '--data', 'd', '--http', '[::1]:8401']

  test('are read', () => {
    const options = {
      nodeId: 2,
      nodes: { 1: 'a:1', 2: 'b:2' },
      dataDir: 'd',
      groups: 4,
      server: 'auto',
      state: 'stored',
    }
    expect(parseKvOptions(good)).toMatchObject({ ...options, http: { host: '::1', port: 8401 } })
    expect(parseKvOptions([...good, '--state', 'memory']).state).toBe('memory')
  })

  test.each([
    [['--node', '3'], '--node takes a whole number from 1 to 2, got 3'],
    [['--http', '8401'], '--http takes HOST:PORT, got 8401'],
    [['--groups', 'many'], '--groups takes a whole number from 1 to 65536, got many'],
    [['--server', 'apache'], '--server takes auto, uws or node'],
    [['--state', 'disk'], '--state takes stored or memory'],
    [['--max-value', '99999999'], '--max-value takes a whole number from 1 to 33554432, got 99999999'],
    [['--data', ''], '--node, --nodes, --data and --http are needed'],
  ])('%p is refused', (wrong, message) => {
    expect(() => parseKvOptions([...good, ...wrong])).toThrow(message)
  })
})
