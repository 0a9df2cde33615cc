/**
 * AWS Lambda: the metrics side of datadog-lambda-java, by changing one import.
 *
 * <p>{@link io.github.pointmill.lambda.DDLambda} stands in for {@code com.datadoghq.datadog_lambda_java.DDLambda}. The
 * environment variables are those of the other languages' layers; the README says where behaviour differs, and why.
 */
package io.github.pointmill.lambda;
