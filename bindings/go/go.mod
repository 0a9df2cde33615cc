module github.com/pointmill/pointmill/bindings/go

go 1.25

require github.com/aws/aws-lambda-go v1.46.0
