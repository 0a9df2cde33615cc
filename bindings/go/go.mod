module github.com/pointmill/pointmill/bindings/go

go 1.25
