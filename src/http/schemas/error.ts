import { Type } from 'typebox';
import { errorCodes } from '../../ports/errors.ts';

/** R0.3. */
export const errorSchema = Type.Object(
  {
    error: Type.Object({
      code: Type.Enum([...errorCodes]),
      message: Type.String({ description: 'What went wrong and what to do, for people.' }),
      requestId: Type.String({ description: 'Finds the request in the log. Also in the header x-request-id.' }),
      details: Type.Optional(Type.Record(Type.String(), Type.Unknown())),
    }),
  },
  { description: 'What every refusal looks like.' },
);
