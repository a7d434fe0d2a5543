import { scopeName } from '../names/names.ts';

/** The version of OpenTelemetry's conventions that our names follow. */
export const schemaUrl = 'https://opentelemetry.io/schemas/1.45.0';

export const ourScope = { name: scopeName, schemaUrl };
