import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { describe, expect, test } from '@jest/globals'
import { etcdVersion } from '../../native-bench/peers/etcd-cluster.js'
import { mediansOf, ratiosOf } from '../../native-bench/peers/peers-lines.js'
import { keyText, putRequest, valueText } from '../../native-bench/peers/put-requests.js'
import { type PutFigures, wrongValues } from '../../native-bench/peers/put-run.js'
import { WrittenKeys } from '../../native-bench/peers/written-keys.js'

const VALUE_BYTES = 100

describe('puts as bytes', () => {
  const filled = (dialect: Parameters<typeof putRequest>[0]) => {
    const request = putRequest(dialect, 'host:1', VALUE_BYTES)
    // What an earlier put has left behind must not show.
    request.fill(99_999_999, 9_999_999_999)
    request.fill(42, 7)
    return request.bytes
  }
  const value = valueText(42, 7, VALUE_BYTES)

  test('of examples/kv', () => {
    const [head, body] = filled('kv').toString().split('\r\n\r\n')
    expect(head).toBe(`PUT /kv/key-00000042 HTTP/1.1\r\nhost: host:1\r\ncontent-length: ${VALUE_BYTES}`)
    expect(body).toBe(value)
    expect(value).toMatch(/^key-00000042:0000000007:x{76}$/)
  })

  test("of etcd's JSON", () => {
    const [head, body] = filled('etcd-json').toString().split('\r\n\r\n')
    expect(head).toContain(`content-length: ${body!.length}`)
    const parsed = JSON.parse(body!) as { key: string; value: string }
    const decode = (text: string) => Buffer.from(text, 'base64').toString()
    expect([decode(parsed.key), decode(parsed.value)]).toEqual([keyText(42), value])
  })

  test("of etcd's gRPC: two fields with their lengths, a long one in two bytes", () => {
    const expected = [0x0a, 12, ...Buffer.from(keyText(42)), 0x12, VALUE_BYTES, ...Buffer.from(value)]
    expect([...filled('etcd-grpc')]).toEqual(expected)
    const long = putRequest('etcd-grpc', '', 300)
    long.fill(42, 7)
    expect([...long.bytes.subarray(14, 17)]).toEqual([0x12, 0xac, 0x02])
    expect(long.bytes.subarray(17).toString()).toBe(valueText(42, 7, 300))
  })
})

describe('written keys', () => {
  test('each caller has keys of its own, in turns, and leaves a doubtful one alone', () => {
    const written = new WrittenKeys(5, 2)
    expect([0, 0, 0, 0].map((caller) => written.next(caller))).toEqual([0, 2, 4, 0])
    expect([1, 1, 1].map((caller) => written.next(caller))).toEqual([1, 3, 1])
    written.doubt(2, 9)
    expect([0, 0, 0].map((caller) => written.next(caller))).toEqual([4, 0, 4])
    for (const key of [0, 4]) written.doubt(key, 9)
    expect(written.next(0)).toBeUndefined()
  })

  test('a sample has the last acknowledged put, and one that may have been', () => {
    const written = new WrittenKeys(100, 1)
    for (let key = 0; key < 50; key++) written.acknowledge(key, key + 1)
    written.doubt(0, 77)
    const sample = written.sample(10)
    expect(sample).toHaveLength(10)
    expect(sample[0]).toEqual({ key: 0, sequences: [1, 77] })
    expect(sample[9]).toEqual({ key: 45, sequences: [46] })
  })

  test('what is not as acknowledged is found', async () => {
    const there: Record<string, string | undefined> = {
      [keyText(1)]: valueText(1, 5, VALUE_BYTES),
      [keyText(2)]: valueText(2, 4, VALUE_BYTES),
      [keyText(3)]: valueText(3, 9, VALUE_BYTES),
      [keyText(4)]: valueText(1, 5, VALUE_BYTES),
    }
    const truths = [1, 2, 4, 5].map((key) => ({ key, sequences: [5] }))
    const read = async (key: string) => there[key]
    const wrong = await wrongValues(read, [...truths, { key: 3, sequences: [5, 9] }], VALUE_BYTES)
    expect(wrong.map((line) => line.slice(0, 12))).toEqual([keyText(2), keyText(4), keyText(5)])
  })
})

test('kv is held against the better of the two ways to etcd', () => {
  const figures = (putsPerSecond: number, p50Ms: number): PutFigures => ({
    ...{ putsPerSecond, p50Ms, p99Ms: 1, maxMs: 1, serverMicros: undefined, loadMicros: 1, lost: ['gone'] },
    statuses: { 200: 10, 503: 2 },
  })
  const medians = (...runs: PutFigures[]) => mediansOf(runs)
  expect(medians(figures(1, 1), figures(5, 3), figures(2, 2))).toMatchObject({
    putsPerSecond: 2,
    p50Ms: 2,
    failures: 9,
  })
  const ratios = ratiosOf({
    kv: medians(figures(30, 1)),
    etcdGrpc: medians(figures(10, 1)),
    etcdJson: medians(figures(5, 1)),
    kvAlone: medians(figures(1, 2)),
    etcdGrpcAlone: medians(figures(1, 8)),
    etcdJsonAlone: medians(figures(1, 4)),
  })
  expect(ratios).toEqual({ kvOverEtcd: 3, kvOverEtcdAloneP50: 0.5, kvOverEmpty: undefined })
})

describe('bench:peers', () => {
  const run = promisify(execFile)
  const program = fileURLToPath(new URL('../../native-bench/peers/peers.js', import.meta.url))
  const short = ['--rounds', '1', '--seconds', '0.3', '--warm-up', '0', '--first-warm-up', '0.2', '--json']
  const lastLine = async (args: readonly string[], env = process.env) => {
    const { stdout } = await run(process.execPath, [program, ...short, '--connections', '20', ...args], { env })
    return { stdout, result: JSON.parse(stdout.trimEnd().split('\n').at(-1)!) as Record<string, object> }
  }

  test('measures kv, an empty handler, and etcd where it is installed', async () => {
    const { result } = await lastLine([])
    const line = { failures: 0, putsPerSecond: expect.any(Number) }
    expect(result).toMatchObject({ right: true, medians: { kv: line, kvAlone: line, empty: line } })
    if (etcdVersion() === undefined) expect(result.medians).not.toHaveProperty('etcdGrpc')
    else expect(result.medians).toMatchObject({ etcdGrpc: line, etcdJson: line, etcdGrpcAlone: line })
  })

  test('says how etcd is installed where it is not, and goes on', async () => {
    const { stdout, result } = await lastLine(['--only', 'empty'], { ...process.env, PATH: '' })
    expect(stdout).toContain('apt-get install etcd-server')
    expect(result).toMatchObject({ right: true, ratios: {} })
  })
})
