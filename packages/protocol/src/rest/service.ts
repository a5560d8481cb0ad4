import { z } from 'zod'
import { ERROR_STATUS, type ErrorCode } from '../codes.ts'
import { DEFAULT_LIMITS, type Limits } from '../limits.ts'

export const errorSchema = z.object({
  error: z.object({
    code: z.enum(Object.keys(ERROR_STATUS) as [ErrorCode, ...ErrorCode[]]),
    message: z.string(),
    requestId: z.string(),
    details: z.unknown().optional(),
  }),
})

const limitNames = Object.keys(DEFAULT_LIMITS) as (keyof Limits)[]
export const limitsSchema = z.object(
  Object.fromEntries(limitNames.map((name) => [name, z.int()])) as Record<keyof Limits, z.ZodInt>,
)
export const configAnswerSchema = z.object({ wsUrls: z.array(z.string()), limits: limitsSchema })

export const healthAnswerSchema = z.object({
  status: z.enum(['ok', 'failing']),
  checks: z.record(z.string(), z.string()),
})
