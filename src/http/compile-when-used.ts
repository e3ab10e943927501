import AjvCompiler from '@fastify/ajv-compiler';
import SerializerSelector from '@fastify/fast-json-stringify-compiler';
import type { FastifySchemaCompiler, FastifySerializerCompiler } from 'fastify';

const AJV = { coerceTypes: false, removeAdditional: false, useDefaults: false, allErrors: false, verbose: true, allowUnionTypes: true } as const;

/**
 * fastify's own compilers of schemas, each schema when it is first needed: to compile all of them took a quarter of a start, and of most routes a
 * process is never asked. The first request to a route takes some milliseconds longer for it.
 */
export function compilersWhenUsed(): { readonly validators: FastifySchemaCompiler<unknown>; readonly serializers: FastifySerializerCompiler<unknown> } {
  const compileValidator = AjvCompiler()({}, { customOptions: AJV });
  const compileSerializer = SerializerSelector()({}, {});
  return {
    validators: (route) => {
      let validate: ReturnType<FastifySchemaCompiler<unknown>> | undefined;
      const whenUsed: ReturnType<FastifySchemaCompiler<unknown>> = (data: unknown) => {
        validate ??= compileValidator(route);
        const fits = validate(data);
        whenUsed.errors = validate.errors ?? null;
        return fits;
      };
      return whenUsed;
    },
    serializers: (route) => {
      let serialize: ReturnType<FastifySerializerCompiler<unknown>> | undefined;
      return (data: unknown) => (serialize ??= compileSerializer({ ...route, httpStatus: route.httpStatus ?? 'default' }))(data);
    },
  };
}
