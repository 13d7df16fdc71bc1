import type { PaxosNode } from '../../src/index.js'
import { failure, type Handler, type HttpRequest, type HttpResponse, json } from './http-types.js'
import {
  decodeReply,
  encodeCommand,
  encodeKey,
  MAX_KEY_BYTES,
  Operation,
  type Operation as OperationCode,
  Status,
} from './kv-codec.js'
import { errorResponse } from './kv-errors.js'
import { endOfTurn } from './turn.js'

const PREFIX = '/kv/'
const METHODS = 'GET, PUT, POST, DELETE'

export interface RouteOptions {
  readonly node: PaxosNode
  readonly timeoutMs: number
}

export function kvRoutes(options: RouteOptions): Handler {
  return async (request) => {
    try {
      if (request.path === '/status' && request.method === 'GET') return json(200, options.node.status())
      if (!request.path.startsWith(PREFIX)) return failure(404, 'NO_SUCH_PATH', 'there are /kv/<key> and /status')
      const key = decodedKey(request.path.slice(PREFIX.length))
      if (key === undefined) {
        return failure(400, 'BAD_KEY', `a key is one percent-encoded segment of 1 to ${MAX_KEY_BYTES} bytes`)
      }
      await endOfTurn()
      return await route(options, request, key)
    } catch (error) {
      return errorResponse(error)
    }
  }
}

function route(options: RouteOptions, request: HttpRequest, key: string): Promise<HttpResponse> | HttpResponse {
  switch (request.method) {
    case 'GET':
      return get(options, request, key)
    case 'PUT':
      return write(options, key, Operation.put, request.body, 0)
    case 'DELETE':
      return write(options, key, Operation.remove, undefined, 0)
    case 'POST': {
      const ifVersion = wholeNumber(request.query.get('ifVersion'))
      if (ifVersion !== undefined) return write(options, key, Operation.compareAndSet, request.body, ifVersion)
      return failure(
        400,
        'BAD_VERSION',
        'POST takes ?ifVersion=N: the version the key must have, 0 if it must be absent',
      )
    }
    default:
      return failure(405, 'NO_SUCH_METHOD', `a key takes ${METHODS}`)
  }
}

async function get({ node, timeoutMs }: RouteOptions, { query }: HttpRequest, key: string): Promise<HttpResponse> {
  const consistency = query.get('consistency') ?? 'quorum'
  if (consistency !== 'quorum' && consistency !== 'local') {
    return failure(400, 'BAD_CONSISTENCY', 'consistency is quorum or local')
  }
  const answer = await node.groupFor(key).read(encodeKey(key), { consistency, timeoutMs })
  const { status, version, value } = decodeReply(answer as Uint8Array)
  if (status === Status.absent) return noSuchKey
  return {
    status: 200,
    headers: { 'content-type': 'application/octet-stream', 'x-version': String(version) },
    body: value,
  }
}

async function write(
  { node, timeoutMs }: RouteOptions,
  key: string,
  operation: OperationCode,
  value: Uint8Array | undefined,
  ifVersion: number,
): Promise<HttpResponse> {
  const command = encodeCommand(operation, key, value, ifVersion)
  const { instance, result } = await node.groupFor(key).propose(command, { timeoutMs })
  const { status, version } = decodeReply(result as Uint8Array)
  if (status === Status.absent) return noSuchKey
  if (status === Status.conflict) {
    return failure(409, 'VERSION_CONFLICT', `the key has version ${version}`, { version, instance })
  }
  return json(200, { version, instance })
}

const noSuchKey = failure(404, 'NO_SUCH_KEY', 'there is no such key')

function decodedKey(segment: string): string | undefined {
  if (segment === '' || segment.includes('/')) return undefined
  try {
    const key = decodeURIComponent(segment)
    return Buffer.byteLength(key) <= MAX_KEY_BYTES ? key : undefined
  } catch {
    return undefined
  }
}

function wholeNumber(text: string | null): number | undefined {
  if (text === null || !/^\d{1,16}$/.test(text)) return undefined
  const value = Number(text)
  return Number.isSafeInteger(value) ? value : undefined
}
